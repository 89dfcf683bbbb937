import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Outcome } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { stanzaIds } from './stanza-ids.ts'
import { archiveContext, juliet, romeo, routingContext, sessionContext, testArchiveId } from './testing/contexts.ts'
import { sameHeader, sameXml, stanzaOfText } from './testing/markup.ts'

const message = (inner: string, type = " type='chat'") =>
  stanzaOfText(`<message from='romeo@montague.example/o' to='juliet@capulet.example'${type}>${inner}</message>`)
const id = (by: string, value: string) => `<stanza-id xmlns='urn:xmpp:sid:0' by='${by}' id='${value}'/>`
const origin = "<origin-id xmlns='urn:xmpp:sid:0' id='de305d54'/>"
const on = stanzaIds.on ?? {}
const deliver = (inner: string, type?: string, preferences: object | null = null) =>
  on['routing.deliver']?.stamp?.(
    message(inner, type),
    routingContext(stanzaIds, { slice: (name) => (name === 'XEP-0441' ? (preferences as never) : null) }),
  )
const sentCopy = (account: BareJid, inner: string, to = 'juliet@capulet.example') =>
  on['routing.sentCopy']?.stamp?.({ ...message(inner), to: to as BareJid }, routingContext(stanzaIds, { account }))

function changedTo(outcome: Outcome | undefined, inner: string): void {
  assert.equal(outcome?.verdict, 'change')
  if (outcome?.verdict !== 'change') return
  sameXml(outcome.stanza, Buffer.from(message(inner).raw).toString())
  sameHeader(outcome.stanza)
}

describe('XEP-0359 Unique and Stable Stanza IDs', () => {
  it('XEP-0313 §3.5: a message that is archived gets its archive id, by the account', () => {
    changedTo(deliver('<body>hi</body>'), `<body>hi</body>${id(juliet, testArchiveId)}`)
  })

  it('§3: an id somebody else claims in the name of the account is deleted first, whatever its spelling', () => {
    changedTo(
      deliver(`${id('JULIET@Capulet.example', 'spoofed')}<body>hi</body>${id('room@muc.example', 'kept')}${origin}`),
      `<body>hi</body>${id('room@muc.example', 'kept')}${origin}${id(juliet, testArchiveId)}`,
    )
  })

  it('§3: it is deleted even from what is not archived', () => {
    const stranger = `<stanza-id xmlns='urn:else' by='${juliet}' id='1'/>`
    changedTo(deliver(`${id(juliet, 'spoofed')}${origin}${stranger}`), `${origin}${stranger}`)
  })

  it('what is not archived and claims nothing passes untouched', () => {
    assert.deepEqual(deliver(origin), { verdict: 'pass', effects: [] })
    assert.deepEqual(deliver('<body>hi</body>', " type='groupchat'"), { verdict: 'pass', effects: [] })
  })

  it('XEP-0441 §2.1: what the account does not want archived gets no id', () => {
    const never = { default: 'never', always: [], never: [] }
    assert.deepEqual(deliver('<body>hi</body>', undefined, never), { verdict: 'pass', effects: [] })
  })

  it("XEP-0313 §3.5: the sender's own copy gets the sender's archive id", () => {
    changedTo(sentCopy(romeo, '<body>hi</body>'), `<body>hi</body>${id(romeo, testArchiveId)}`)
  })

  it('XEP-0313 §6.1.1: the sent copy of a message to oneself is not archived again, so has no id', () => {
    assert.deepEqual(sentCopy(romeo, '<body>hi</body>', romeo), { verdict: 'pass', effects: [] })
  })

  it('only messages are touched', () => {
    const presence = stanzaOfText(`<presence from='juliet@capulet.example/b'>${id(juliet, 'x')}</presence>`)
    const pass = { verdict: 'pass', effects: [] }
    assert.deepEqual(on['session.sent']?.stamp?.(presence, sessionContext(stanzaIds)), pass)
    assert.deepEqual(on['routing.deliver']?.stamp?.(presence, routingContext(stanzaIds)), pass)
  })

  it('§3: what a client sends loses ids in the name of its account; what is stored, too', () => {
    const claimed = stanzaOfText(`<message from='juliet@capulet.example/b'>${id(juliet, 'spoofed')}${origin}</message>`)
    for (const outcome of [
      on['session.sent']?.stamp?.(claimed, sessionContext(stanzaIds)),
      on['archive.store']?.stamp?.(claimed, archiveContext(stanzaIds)),
    ]) {
      assert.equal(outcome?.verdict, 'change')
      if (outcome?.verdict !== 'change') return
      sameXml(outcome.stanza, `<message from='juliet@capulet.example/b'>${origin}</message>`)
    }
  })
})
