import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Outcome } from '@starling/core'
import { juliet, routingContext, session, sessionContext } from '../testing/contexts.ts'
import { askSession } from '../testing/drive.ts'
import { sameHeader, sameXml, stanzaOfText } from '../testing/markup.ts'
import { carbons } from './carbons.ts'

const on = { slice: { isEnabled: true } }
const sessions = [
  session('juliet@capulet.example/balcony', on),
  session('juliet@capulet.example/chamber', on),
  session('juliet@capulet.example/garden', { slice: { isEnabled: false } }),
  session('juliet@capulet.example/hidden', { ...on, isAvailable: false, priority: -1 }),
]
const text = (from: string, to: string, attributes = " type='chat'", inner = '<body>hi &amp; bye</body>') =>
  `<message from='${from}' to='${to}'${attributes}>${inner}</message>`
const romeo = 'romeo@montague.example/garden'
const balcony = 'juliet@capulet.example/balcony'
const deliver = (message: string, chosen: readonly string[], given = {}) =>
  carbons.on?.['routing.deliver']?.copy?.(stanzaOfText(message), routingContext(carbons, { sessions, chosen }, given))
const sentCopy = (message: string) =>
  carbons.on?.['routing.sentCopy']?.copy?.(
    stanzaOfText(message),
    routingContext(carbons, { sessions, chosen: ['balcony'] }),
  )
const receivers = (outcome: Outcome | undefined) =>
  outcome?.effects.map((effect) => (effect.do === 'deliver' ? effect.resource : effect.do))

describe('XEP-0280 Message Carbons', () => {
  for (const [name, isEnabled] of [
    ['enable', true],
    ['disable', false],
  ] as const) {
    it(`§4, §5, §10.1: ${name} is remembered with the session`, () => {
      const request = `<iq type='set' id='1'><${name} xmlns='urn:xmpp:carbons:2'/></iq>`
      const answer = askSession(carbons, `set self {urn:xmpp:carbons:2}${name}`, request, sessionContext(carbons))
      assert.deepEqual(answer, { ok: true, effects: [{ do: 'remember', slice: { isEnabled } }] })
    })

    it(`§4.1, §5.1: ${name} for another account is not allowed`, () => {
      const request = `<iq type='set' id='1'><${name} xmlns='urn:xmpp:carbons:2'/></iq>`
      const answer = askSession(carbons, `set account {urn:xmpp:carbons:2}${name}`, request, sessionContext(carbons))
      assert.equal(!answer.ok && answer.error.condition, 'not-allowed')
    })
  }

  it("§7 example 13: the recipient's other enabled resources get <received/>", () => {
    const message = text(romeo, balcony)
    const outcome = deliver(message, ['balcony'])
    assert.deepEqual(receivers(outcome), ['chamber', 'hidden'])
    const [effect] = outcome?.effects ?? []
    assert.ok(effect?.do === 'deliver')
    sameXml(
      effect.stanza,
      `<message from='juliet@capulet.example' to='juliet@capulet.example/chamber' type='chat'>
         <received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>
           ${message.replace('<message', "<message xmlns='jabber:client'")}</forwarded></received></message>`,
    )
    sameHeader(effect.stanza)
  })

  it("§8 example 16: the sender's other enabled resources get <sent/>, enabled or not the sender itself", () => {
    const message = text(balcony, romeo)
    const outcome = sentCopy(message)
    assert.deepEqual(receivers(outcome), ['chamber', 'hidden'])
    const [effect] = outcome?.effects ?? []
    assert.ok(effect?.do === 'deliver')
    sameXml(
      effect.stanza,
      `<message from='juliet@capulet.example' to='juliet@capulet.example/chamber' type='chat'>
         <sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>
           ${message.replace('<message', "<message xmlns='jabber:client'")}</forwarded></sent></message>`,
    )
    sameHeader(effect.stanza)
  })

  it('§7: a normal message keeps its type, which is none', () => {
    const outcome = deliver(text(romeo, balcony, ''), ['balcony'])
    const [effect] = outcome?.effects ?? []
    assert.ok(effect?.do === 'deliver')
    assert.match(Buffer.from(effect.stanza.raw).toString(), /^<message from='[^']*' to='[^']*'>/)
  })

  it('§7: to a bare JID, those that were chosen get no copy; to nobody, all that are enabled and available do', () => {
    assert.deepEqual(receivers(deliver(text(romeo, juliet), ['balcony', 'chamber', 'garden'])), ['hidden'])
    // what is kept for later comes to a resource that becomes available (XEP-0160 §2): a copy before would be the second
    assert.deepEqual(receivers(deliver(text(romeo, juliet), [])), ['balcony', 'chamber'])
  })

  it('§7: a sender elsewhere may have a resource of the same name', () => {
    assert.deepEqual(receivers(deliver(text('romeo@montague.example/chamber', balcony), ['balcony'])), [
      'chamber',
      'hidden',
    ])
  })

  it('a message to oneself is copied once, as received, and never back to the sender', () => {
    const toSelf = text(balcony, 'juliet@capulet.example/garden')
    assert.deepEqual(receivers(sentCopy(toSelf)), [])
    assert.deepEqual(receivers(deliver(toSelf, ['garden'])), ['chamber', 'hidden'])
  })

  it('§9: private and no-copy messages are not copied', () => {
    for (const mark of ["<private xmlns='urn:xmpp:carbons:2'/>", "<no-copy xmlns='urn:xmpp:hints'/>"]) {
      const inner = `<body>secret</body>${mark}`
      assert.deepEqual(receivers(deliver(text(romeo, balcony, " type='chat'", inner), ['balcony'])), [])
      assert.deepEqual(receivers(sentCopy(text(balcony, romeo, " type='chat'", inner))), [])
    }
  })

  it('limit: no more copies than the option says', () => {
    assert.deepEqual(receivers(deliver(text(romeo, balcony), ['balcony'], { maxCopies: 1 })), ['chamber'])
  })
})
