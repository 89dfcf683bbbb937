import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Document, SessionView } from '@starling/core'
import { encodeJson } from '@starling/wire'
import { lastActivity } from './last-activity.ts'
import { juliet, romeo, session, sessionContext, storageContext, testNowMs } from './testing/contexts.ts'
import { type Answers, askStorage } from './testing/drive.ts'
import { sameXml, stanzaOfText } from './testing/markup.ts'
import { emptyRoster, rosterOf } from './testing/rosters.ts'

const key = 'get account {jabber:iq:last}query'
const from = (jid: string) =>
  `<iq from='${jid}' id='last1' to='juliet@capulet.example' type='get'><query xmlns='jabber:iq:last'/></iq>`
const request = from('romeo@montague.example/orchard')
const left = (body: Uint8Array): Document => ({ owner: juliet, kind: 'last', name: 'unavailable', body })
const seen = (secondsAgo: number, status: string): Answers => ({
  'roster.load': () => rosterOf(romeo, 'both'),
  'document.get': () => left(encodeJson({ atMs: testNowMs - secondsAgo * 1000, status })),
})

describe('XEP-0012 Last Activity', () => {
  it('§3 example 4: seconds since the account went, and the status it left with', async () => {
    const context = storageContext(lastActivity)
    const ended = await askStorage(lastActivity, key, { request, context, answers: seen(903, 'Heading Home') })
    sameXml(ended.payload, "<query xmlns='jabber:iq:last' seconds='903'>Heading Home</query>")
  })

  it('§3: 0 and nothing else while a resource is there', async () => {
    const context = storageContext(lastActivity, { isAvailable: true })
    const ended = await askStorage(lastActivity, key, { request, context, answers: seen(903, 'Heading Home') })
    sameXml(ended.payload, "<query xmlns='jabber:iq:last' seconds='0'/>")
  })

  for (const [what, roster] of [
    ['a stranger', emptyRoster],
    ['somebody we only watch', rosterOf(romeo, 'to')],
  ] as const) {
    it(`§3, §8: forbidden to ${what}, there or not`, async () => {
      for (const isAvailable of [true, false]) {
        const context = storageContext(lastActivity, { isAvailable })
        const answers = { ...seen(1, ''), 'roster.load': () => roster }
        const ended = await askStorage(lastActivity, key, { request, context, answers })
        assert.equal(ended.error?.condition, 'forbidden')
      }
    })
  }

  it("one's own account needs no roster", async () => {
    const { 'document.get': get } = seen(5, '')
    const own = from('juliet@capulet.example/balcony')
    const context = storageContext(lastActivity)
    const answers = get === undefined ? {} : { 'document.get': get }
    const ended = await askStorage(lastActivity, key, { request: own, context, answers })
    sameXml(ended.payload, "<query xmlns='jabber:iq:last' seconds='5'/>")
  })

  for (const body of ['{}', 'no json', '{"atMs":"1","status":""}']) {
    it(`item-not-found where nothing that makes sense was kept: ${body}`, async () => {
      const answers = { ...seen(1, ''), 'document.get': () => left(Buffer.from(body)) }
      const ended = await askStorage(lastActivity, key, { request, context: storageContext(lastActivity), answers })
      assert.equal(ended.error?.condition, 'item-not-found')
    })
  }

  const gone = stanzaOfText(
    "<presence from='juliet@capulet.example/balcony' type='unavailable'><status>Heading &lt;Home&gt;</status></presence>",
  )
  const leave = (sessions: readonly SessionView[], given = {}) =>
    lastActivity.on?.['session.ended']?.keep?.(gone, sessionContext(lastActivity, { sessions }, given))

  it('§3: the last available session that goes leaves time and status', () => {
    const outcome = leave([
      session('juliet@capulet.example/balcony'),
      session('juliet@capulet.example/chamber', { isAvailable: false }),
    ])
    const body = encodeJson({ atMs: testNowMs, status: 'Heading <Home>' })
    assert.deepEqual(outcome?.effects, [{ do: 'write', call: { query: 'document.put', args: left(body) } }])
  })

  it('nothing is left while another session is available', () => {
    const outcome = leave([session('juliet@capulet.example/balcony'), session('juliet@capulet.example/chamber')])
    assert.deepEqual(outcome?.effects, [])
  })

  it('a status longer than the limit is cut', () => {
    const [effect] = leave([], { maxStatusCharacters: 7 })?.effects ?? []
    const body = encodeJson({ atMs: testNowMs, status: 'Heading' })
    assert.deepEqual(effect, { do: 'write', call: { query: 'document.put', args: left(body) } })
  })
})
