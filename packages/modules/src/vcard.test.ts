import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Document } from '@starling/core'
import { sessionContext, storageContext } from './testing/contexts.ts'
import { askSession, askStorage } from './testing/drive.ts'
import { sameXml } from './testing/markup.ts'
import { vcard } from './vcard.ts'

const card = "<vCard xmlns='vcard-temp'><FN>Juliet &amp; Co</FN><N><GIVEN>Juliet</GIVEN><MIDDLE/></N></vCard>"
const get = (from: string, found: Document | undefined) =>
  askStorage(vcard, 'get account {vcard-temp}vCard', {
    request: `<iq type='get' id='v1' from='${from}'><vCard xmlns='vcard-temp'/></iq>`,
    context: storageContext(vcard),
    answers: { 'document.get': () => found },
  })

describe('XEP-0054 vcard-temp', () => {
  it('§3.2, §3.3: the card an account sets is what anybody gets', async () => {
    const kept: Document[] = []
    const stored = await askStorage(vcard, 'set self {vcard-temp}vCard', {
      request: `<iq type='set' id='v2'>${card}</iq>`,
      context: storageContext(vcard),
      answers: { 'document.put': (document) => void kept.push(document) as undefined },
    })
    assert.equal(stored.error, undefined)
    const { payload } = await get('romeo@montague.example/orchard', kept[0])
    sameXml(payload, card)
  })

  it('§3.1: without a card, item-not-found to the account itself', async () => {
    assert.equal((await get('juliet@capulet.example/balcony', undefined)).error?.condition, 'item-not-found')
  })

  it('§3.3: without a card, service-unavailable to others, as for an account that does not exist', async () => {
    assert.equal((await get('romeo@montague.example/orchard', undefined)).error?.condition, 'service-unavailable')
  })

  it("§3.2: another's card is not written", () => {
    const request = `<iq type='set' id='v2' to='romeo@capulet.example'>${card}</iq>`
    const answer = askSession(vcard, 'set account {vcard-temp}vCard', request, sessionContext(vcard))
    assert.equal(!answer.ok && answer.error.condition, 'forbidden')
  })

  it('limit: a card too long is refused and not kept', async () => {
    const stored = await askStorage(vcard, 'set self {vcard-temp}vCard', {
      request: `<iq type='set' id='v2'><vCard xmlns='vcard-temp'><FN>${'x'.repeat(1100)}</FN></vCard></iq>`,
      context: storageContext(vcard, {}, { maxBytes: 1024 }),
    })
    assert.equal(stored.error?.condition, 'policy-violation')
    assert.deepEqual(stored.asked, [])
  })
})
