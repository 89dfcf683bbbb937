import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { delayedDelivery } from './delayed-delivery.ts'
import { sessionContext } from './testing/contexts.ts'
import { sameHeader, sameXml, stanzaOfText } from './testing/markup.ts'

const sent = (text: string) =>
  delayedDelivery.on?.['session.sent']?.stamp?.(stanzaOfText(text), sessionContext(delayedDelivery))
const message = (delays: string) =>
  `<message from='juliet@capulet.example/b' to='romeo@montague.example'><body>hi</body>${delays}</message>`
const delay = (from: string) => `<delay xmlns='urn:xmpp:delay'${from} stamp='2002-09-10T23:08:25Z'/>`

describe('XEP-0203 Delayed Delivery', () => {
  it("§5: a note a client makes in the server's name is discarded, others stay", () => {
    const outcome = sent(message(delay(" from='Capulet.example'") + delay(" from='room@muc.example'") + delay('')))
    assert.equal(outcome?.verdict, 'change')
    if (outcome?.verdict !== 'change') return
    sameXml(outcome.stanza, message(delay(" from='room@muc.example'") + delay('')))
    sameHeader(outcome.stanza)
  })

  for (const text of [message(''), message(delay(" from='montague.example'"))]) {
    it(`everything else passes untouched: ${text.slice(80)}`, () => {
      assert.deepEqual(sent(text), { verdict: 'pass', effects: [] })
    })
  }
})
