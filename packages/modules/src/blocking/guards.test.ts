import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Outcome } from '@starling/core'
import type { Jid } from '@starling/jid'
import { errorReply, type Stanza } from '@starling/stanza'
import fc from 'fast-check'
import { archiveContext, romeo, routingContext, sessionContext } from '../testing/contexts.ts'
import { sameXml, stanzaOfText } from '../testing/markup.ts'
import { isBlocked, readBlockList } from './block-list.ts'
import { blocking } from './blocking.ts'

const on = blocking.on ?? {}
const blocked = { accountSlice: [romeo] }
const from = (kind: string, type: string, jid = 'romeo@montague.example/o') =>
  stanzaOfText(`<${kind} from='${jid}' to='juliet@capulet.example' id='1'${type}/>`)
function say(outcome: Outcome | undefined): string {
  if (outcome?.verdict !== 'stop') return outcome?.verdict ?? 'nothing'
  return outcome.error?.condition ?? 'stop'
}

describe('XEP-0191 §3.3: from and to a blocked address', () => {
  const table: readonly (readonly [string, Stanza, string])[] = [
    ['presence is dropped', from('presence', ''), 'stop'],
    ['subscriptions are dropped', from('presence', " type='subscribe'"), 'stop'],
    ['probes are dropped', from('presence', " type='probe'"), 'stop'],
    ['messages are answered', from('message', " type='chat'"), 'service-unavailable'],
    ['get is answered', from('iq', " type='get'"), 'service-unavailable'],
    ['set is answered', from('iq', " type='set'"), 'service-unavailable'],
    ['results are dropped', from('iq', " type='result'"), 'stop'],
    ['errors are dropped', from('iq', " type='error'"), 'stop'],
    ['somebody else passes', from('message', '', 'paris@capulet.example/x'), 'pass'],
    ['the account itself passes (§5)', from('message', '', 'juliet@capulet.example/x'), 'pass'],
    ['the server itself passes', from('message', '', 'capulet.example'), 'pass'],
  ]
  const wide = { accountSlice: [romeo, 'juliet@capulet.example'] }
  for (const [clause, stanza, expected] of table) {
    it(`${clause}, at the account and at its resources`, () => {
      assert.equal(say(on['account.received']?.guard?.(stanza, sessionContext(blocking, wide))), expected)
      assert.equal(say(on['routing.deliver']?.guard?.(stanza, routingContext(blocking, wide))), expected)
    })
  }

  it('XEP-0313 §6.1: what was not let in is not archived; what was sent before is', () => {
    const archive = (isSentCopy: boolean) =>
      say(on['archive.store']?.guard?.(from('message', ''), archiveContext(blocking, { ...blocked, isSentCopy })))
    assert.equal(archive(false), 'stop')
    assert.equal(archive(true), 'pass')
  })

  it('§3.3 example 8: what the account sends there is not acceptable', () => {
    const text =
      "<message type='chat' id='m1' from='juliet@capulet.example/b' to='romeo@montague.example'><body>Can you hear me now?</body></message>"
    const stanza = stanzaOfText(text)
    const outcome = on['session.sent']?.guard?.(stanza, sessionContext(blocking, blocked))
    assert.ok(outcome?.verdict === 'stop' && outcome.error !== undefined)
    sameXml(
      errorReply(stanza, outcome.error),
      `<message type='error' id='m1' from='romeo@montague.example' to='juliet@capulet.example/b'><error type='cancel'>
         <not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><blocked xmlns='urn:xmpp:blocking:errors'/></error></message>`,
    )
  })

  it('§5: the account and its own server stay within reach, though the list may name them', () => {
    const list = { accountSlice: ['juliet@capulet.example', 'capulet.example'] }
    for (const to of ['juliet@capulet.example', 'juliet@capulet.example/c', 'capulet.example']) {
      const stanza = stanzaOfText(`<message from='juliet@capulet.example/b' to='${to}'/>`)
      assert.equal(say(on['session.sent']?.guard?.(stanza, sessionContext(blocking, list))), 'pass', to)
    }
    const neighbour = stanzaOfText("<message from='juliet@capulet.example/b' to='paris@capulet.example'/>")
    assert.equal(say(on['session.sent']?.guard?.(neighbour, sessionContext(blocking, list))), 'not-acceptable')
  })

  it('what has no `to`, or goes elsewhere, passes', () => {
    for (const to of ['', " to='paris@capulet.example'"]) {
      const stanza = stanzaOfText(`<presence from='juliet@capulet.example/b'${to}/>`)
      assert.equal(say(on['session.sent']?.guard?.(stanza, sessionContext(blocking, blocked))), 'pass')
    }
  })
})

describe('XEP-0191 §6: JID matching', () => {
  const addresses = ['user@a.example/r', 'user@a.example', 'a.example/r', 'a.example'] as const
  const matches: Readonly<Record<string, readonly string[]>> = {
    'user@a.example/r': ['user@a.example/r'],
    'user@a.example': ['user@a.example', 'user@a.example/r', 'user@a.example/other'],
    'a.example/r': ['a.example/r'],
    'a.example': [...addresses, 'user@a.example/other', 'other@a.example', 'a.example/other'],
  }
  const all = [
    ...addresses,
    'user@a.example/other',
    'other@a.example',
    'a.example/other',
    'b.example',
    'user@b.example/r',
  ]
  for (const [listed, expected] of Object.entries(matches)) {
    it(`${listed} matches ${expected.join(', ')}`, () => {
      assert.deepEqual(all.filter((one) => isBlocked([listed as Jid], one as Jid)).sort(), [...expected].sort())
    })
  }

  it('whatever the slice holds, it reads as a list', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        assert.ok(readBlockList(json as never).every((one: unknown) => typeof one === 'string'))
      }),
    )
  })
})
