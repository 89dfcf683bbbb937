import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defineModule, type Output } from '@starling/core'
import { type FullJid, fullJid } from '@starling/jid'
import { makeStanza } from '@starling/stanza'
import { type Envelope, packRecord, type Target } from '@starling/wire'
import { xml } from '@starling/xml'
import {
  atMs,
  bed,
  bodyOf,
  delivery,
  juliet,
  managed,
  message,
  resume,
  romeo,
  state,
  target,
  told,
} from './testing/bed.ts'

const first = target(1, 7)
const second = target(2, 8)
const died = ({ slot, epoch }: Target): Envelope => ({ kind: 'podDied', key: '', atMs, slot, epoch })
const hibernated = (resource: string, at: Target): Envelope => state({ change: 'hibernated', resource, target: at })
const ended = (resource: string, at: Target): Envelope => state({ change: 'ended', resource, target: at })
/** What a session's end put into routing's own inbox, to be worked there. */
const again = (outputs: readonly Output[]): readonly Envelope[] =>
  outputs.flatMap(({ to, envelope }) => (to === 'routing' ? [envelope] : []))

describe('XEP-0198 §4: counting', () => {
  it('begins where <enabled/> goes out: what came before has no number, what follows counts from 1', async () => {
    const { work } = bed()
    const [bound, enabled, available] = managed('balcony', first)
    assert.ok(bound && enabled && available)
    const early = delivery('early', fullJid(juliet, 'balcony'))
    assert.deepEqual((await work([bound, early, enabled, available, delivery('a'), delivery('b')])).map(told), [
      '1/7 bound',
      '1/7 #- early',
      '1/7 enabled',
      `storage flush ${juliet}`,
      '1/7 #1 a',
      '1/7 #2 b',
    ])
    assert.deepEqual((await work([delivery('c')])).map(told), ['1/7 #3 c'])
  })

  it('each session counts its own, also of one stanza for several, also of a broadcast', async () => {
    const { work } = bed()
    await work([...managed('balcony', first), delivery('only balcony', fullJid(juliet, 'balcony'))])
    const presence = makeStanza(xml('presence', { from: `${romeo}/orchard` }))
    const cast: Envelope = { kind: 'cast', key: '', atMs, keys: [juliet], stanza: presence }
    assert.deepEqual((await work([...managed('chamber', second), delivery('both'), cast])).slice(3).map(told), [
      '1/7 #2 both',
      '2/8 #1 both',
      `1/7 #3 ${juliet}presence`,
      `2/8 #2 ${juliet}presence`,
    ])
  })

  it('a bundle takes a number for each stanza in it; its resource alone gets it, and nobody when that is gone', async () => {
    const { work } = bed()
    const page = ['a', 'b', 'c'].map((body) => makeStanza(xml('message', { to: juliet }, xml('body', {}, body))).raw)
    const bundle: Envelope = { kind: 'bundle', key: juliet, atMs, head: { resource: 'balcony' }, raw: packRecord(page) }
    await work([...managed('balcony', first), ...managed('chamber', second), delivery('before')])
    assert.deepEqual((await work([bundle, delivery('behind')])).map(told), [
      '1/7 #2 a, b, c',
      '1/7 #5 behind',
      '2/8 #2 behind',
    ])
    assert.deepEqual((await work([resume('balcony', { to: target(3, 9), h: 2, old: first })])).map(told), [
      '3/9 resumed h=5 acked=2',
      '3/9 #3 b',
      '3/9 #4 c',
      '3/9 #5 behind',
    ])
    assert.deepEqual((await work([{ ...bundle, head: { resource: 'garden' } }])).map(told), [])
  })

  it('a bundle for a session that waits for its client is kept, stanza by stanza; a bundle nobody can read is a bug', async () => {
    const { work, bugs } = bed()
    const raw = packRecord([makeStanza(xml('message', {}, xml('body', {}, 'a'))).raw, message('b').raw])
    const bundle: Envelope = { kind: 'bundle', key: juliet, atMs, head: { resource: 'balcony' }, raw }
    await work([...managed('balcony', first), hibernated('balcony', first)])
    assert.deepEqual((await work([bundle, { ...bundle, raw: new Uint8Array([9]) }])).map(told), [])
    assert.equal(bugs.length, 1)
    assert.deepEqual((await work([resume('balcony', { to: second, h: 0, old: first })])).map(told), [
      '2/8 resumed h=5 acked=0',
      '2/8 #1 a',
      '2/8 #2 b',
    ])
  })

  it('is of nobody who is not there: another connection that holds the resource', async () => {
    const { work } = bed()
    const [bound] = managed('balcony', first)
    assert.ok(bound)
    const late = state({ change: 'enabled', resource: 'balcony', target: second, smId: 'x', maxSeconds: 1 })
    assert.deepEqual((await work([bound, late])).map(told), ['1/7 bound'])
  })
})

describe('XEP-0198 §5: resumption', () => {
  it('R5: what the client does not have comes again under its old numbers, after <resumed/> and before what is new', async () => {
    const { work } = bed()
    await work([...managed('balcony', first), delivery('a'), delivery('b'), delivery('c')])
    const batch = [hibernated('balcony', first), delivery('d'), resume('balcony', { to: second, h: 1 }), delivery('e')]
    assert.deepEqual((await work(batch)).map(told), [
      '2/8 resumed h=5 acked=1',
      '2/8 #2 b',
      '2/8 #3 c',
      '2/8 #4 d',
      '2/8 #5 e',
    ])
  })

  it('what the client has goes from the queue; a broadcast keeps its `to`', async () => {
    const { work, presence } = bed()
    const stanza = makeStanza(xml('presence', { from: `${romeo}/orchard` }))
    await work([...managed('balcony', first), delivery('a'), { kind: 'cast', key: '', atMs, keys: [juliet], stanza }])
    assert.deepEqual((await work([resume('balcony', { to: second, h: 1, old: first })])).map(told), [
      '2/8 resumed h=5 acked=1',
      `2/8 #2 ${juliet}presence`,
    ])
    const [left] = await presence.readQueues([{ account: juliet, queue: 'sm-balcony', ordinal: 0 }], 10)
    assert.deepEqual(
      left?.map(({ ordinal }) => ordinal),
      [2],
    )
  })

  it('the connection may be resumed while it still seems open; later records go to the new one alone', async () => {
    const { work } = bed()
    await work([...managed('balcony', first), delivery('a')])
    await work([
      resume('balcony', { to: second, h: 1, old: first }),
      hibernated('balcony', first),
      ended('balcony', first),
    ])
    assert.deepEqual((await work([delivery('b')])).map(told), ['2/8 #2 b'])
  })

  it('§4: who acknowledges more than it was sent, or less than it had, is told so; the session is kept', async () => {
    const { work } = bed()
    await work([...managed('balcony', first), delivery('a'), delivery('b')])
    assert.deepEqual((await work([resume('balcony', { to: second, h: 3 })])).map(told), ['2/8 handledTooHigh'])
    assert.deepEqual((await work([delivery('c')])).map(told), [])
    await work([state({ change: 'hibernated', resource: 'balcony', target: second, acked: 2 })])
    assert.deepEqual((await work([resume('balcony', { to: first, h: 1 })])).map(told), ['1/7 handledTooHigh'])
    assert.deepEqual((await work([resume('balcony', { to: second, h: 2 })])).map(told), [
      '2/8 resumed h=5 acked=2',
      '2/8 #3 c',
    ])
  })

  it('R3: a repetition that finds entries acknowledged meanwhile sends the others all the same', async () => {
    const { work, presence } = bed()
    await work([...managed('balcony', first), delivery('a'), delivery('b')])
    const resumed = resume('balcony', { to: second, h: 0 })
    await work([resumed], false)
    await presence.trimQueues([{ account: juliet, queue: 'sm-balcony', ordinal: 1 }])
    assert.deepEqual((await work([resumed])).map(told), ['2/8 resumed h=5 acked=0', '2/8 #2 b'])
  })

  it('R11: a session that only the session stage knows is refused', async () => {
    const { work } = bed()
    assert.deepEqual((await work([resume('balcony', { to: second, h: 0 })])).map(told), ['2/8 resumeRefused'])
  })
})

describe('R6: hibernation', () => {
  it('a session that waits for its client is chosen and counted, and nothing is written', async () => {
    const { work } = bed()
    await work([...managed('balcony', first), hibernated('balcony', first)])
    assert.deepEqual((await work([delivery('a')])).map(told), [])
    assert.deepEqual((await work([resume('balcony', { to: second, h: 0 })])).map(told), [
      '2/8 resumed h=5 acked=0',
      '2/8 #1 a',
    ])
  })

  it('R7: so is one whose pod died, from the death in the log on', async () => {
    const { work } = bed()
    assert.deepEqual(
      (await work([...managed('balcony', first), delivery('a'), died(first), delivery('b')])).slice(3).map(told),
      ['1/7 #1 a'],
    )
    assert.deepEqual((await work([resume('balcony', { to: second, h: 0 })])).map(told), [
      '2/8 resumed h=5 acked=0',
      '2/8 #1 a',
      '2/8 #2 b',
    ])
  })

  it('R8: a full one takes no more messages, others and offline do; presence still; offline ones are asked for on resumption', async () => {
    const { work } = bed({ maxUnackedStanzas: 2 })
    const presence = makeStanza(xml('presence', { from: `${romeo}/orchard` }))
    const cast: Envelope = { kind: 'cast', key: '', atMs, keys: [juliet], stanza: presence }
    await work([...managed('balcony', first), hibernated('balcony', first)])
    assert.deepEqual((await work([delivery('a'), delivery('b'), delivery('c'), cast, cast, cast, cast])).map(told), [
      'offline c',
    ])
    assert.deepEqual((await work([resume('balcony', { to: second, h: 0 })])).map(told), [
      '2/8 resumed h=5 acked=0',
      `storage flush ${juliet}`,
      '2/8 #1 a',
      '2/8 #2 b',
      `2/8 #3 ${juliet}presence`,
      `2/8 #4 ${juliet}presence`, // twice the limit: what comes then is held by nobody
    ])
    assert.deepEqual((await work([delivery('d')])).map(told), ['2/8 #5 d'])
  })
})

describe('R6: the end of a session', () => {
  it('R4: what its pod says was acknowledged is not handed on, though the queue still holds it', async () => {
    const { work } = bed()
    await work([...managed('balcony', first), delivery('a'), delivery('b')])
    const end = state({ change: 'ended', resource: 'balcony', target: first, acked: 1 })
    assert.deepEqual((await work([end])).map(told), [`routing ${juliet} b`])
  })

  it('XEP-0198 §4: unacknowledged messages go to another resource, delayed (XEP-0203), not archived again', async () => {
    const { work } = bed()
    await work([...managed('balcony', first, { priority: 5 }), ...managed('chamber', second)])
    const out = await work([delivery('a'), delivery('b'), ended('balcony', first)])
    assert.deepEqual(out.slice(2).map(told), [`routing ${juliet} a`, `routing ${juliet} b`])
    const [one] = again(out)
    assert.ok(one?.kind === 'deliver')
    assert.equal(one.head?.isReplay, true)
    assert.match(Buffer.from(one.stanza.raw).toString(), /<delay .*from='example\.net'.*stamp='2025-11-24T/)
    assert.deepEqual((await work(again(out))).map(told), ['2/8 #1 a', '2/8 #2 b'])
  })

  it('what waited to be had has no stamp for pods to measure; what comes live has', async () => {
    const { work } = bed()
    const third = target(3, 9)
    const stamps = (outputs: readonly Output[]): readonly number[] =>
      outputs.flatMap(({ envelope }) => (envelope.kind === 'output' ? [envelope.atMs] : []))
    const live = await work([
      ...managed('balcony', first, { priority: 5 }),
      ...managed('chamber', second),
      delivery('a'),
    ])
    assert.deepEqual(stamps(live), [atMs])
    const resent = await work([hibernated('balcony', first), resume('balcony', { to: third, h: 0 })])
    assert.deepEqual(stamps(resent), [0], 'sent again after a resumption')
    const left = await work([ended('balcony', third)])
    assert.deepEqual(stamps(await work(again(left))), [0], 'redelivered')
    const offline: Envelope = { ...delivery('b'), head: { isOwn: true, isReplay: true } } as Envelope
    assert.deepEqual(stamps(await work([offline])), [0], 'kept offline')
  })

  it('nobody else there: offline, in the order in which they were sent, before what came after the end', async () => {
    const { work } = bed()
    await work([...managed('balcony', first), delivery('a'), delivery('b')])
    const out = await work([ended('balcony', first), delivery('c')])
    const kept = [...out, ...(await work(again(out)))].flatMap(({ envelope }) =>
      envelope.kind === 'offline' ? [envelope] : [],
    )
    kept.sort((one, other) => (one.head.id < other.head.id ? -1 : 1))
    assert.deepEqual(
      kept.map(({ stanza }) => bodyOf(stanza.raw)),
      ['a', 'b', 'c'],
    )
  })

  it('a message to the resource itself goes to others of the account too, whatever its type says of full JIDs', async () => {
    const { work } = bed()
    await work([...managed('balcony', first), ...managed('chamber', second, { priority: -1 })])
    const to = fullJid(juliet, 'balcony')
    const out = await work([
      delivery('a', to, 'normal'),
      delivery('room', to, 'groupchat'),
      delivery('e', to, 'error'),
      ended('balcony', first),
    ])
    assert.deepEqual((await work(again(out))).map(told), ['offline a'])
  })

  it('acknowledged ones do not; an IQ request is answered, an answer is dropped', async () => {
    const { work, presence } = bed()
    const iq = (type: string): Envelope => {
      const from = `${romeo}/orchard` as FullJid
      const stanza = makeStanza(
        xml('iq', { type, id: 'q', from, to: fullJid(juliet, 'balcony') }, xml('query', { xmlns: 'x' })),
      )
      return { kind: 'deliver', key: juliet, atMs, stanza }
    }
    const own: Envelope = { ...delivery('mine'), head: { isOwn: true, resource: 'balcony' } } as Envelope
    await work([...managed('balcony', first), delivery('a'), iq('get'), iq('result'), own])
    await presence.trimQueues([{ account: juliet, queue: 'sm-balcony', ordinal: 1 }])
    assert.deepEqual((await work([ended('balcony', first)])).map(told), [`routing ${romeo} service-unavailable`])
  })

  it('a message that two sessions got waits for the end of both', async () => {
    const { work } = bed()
    await work([...managed('balcony', first), ...managed('chamber', second), delivery('both')])
    assert.deepEqual(await work([ended('balcony', first)]), [])
    const out = await work([ended('chamber', second)])
    assert.deepEqual((await work(again(out))).map(told), ['offline both'])
  })

  it('not to who has a copy; offline only when that one is not connected', async () => {
    const copying = defineModule({
      spec: { id: 'XEP-0000', name: 'Copies', version: '1', status: 'complete' },
      name: 'copies',
      on: {
        'routing.deliver': {
          copy: (stanza, { sessions, chosen }) => ({
            verdict: 'pass',
            effects: sessions
              .filter(({ resource }) => !chosen.includes(resource))
              .map(({ resource }) => ({ do: 'deliver', resource, stanza: { ...stanza, raw: message('copy').raw } })),
          }),
        },
      },
    })
    const { work } = bed({ modules: [copying] })
    await work([...managed('balcony', first, { priority: 5 }), ...managed('chamber', second)])
    const out = await work([delivery('a'), ended('balcony', first)])
    assert.deepEqual(out.map(told), ['1/7 #1 a', '2/8 #1 copy', `routing ${juliet} a except chamber`])
    assert.deepEqual((await work(again(out), false)).map(told), [])
    assert.deepEqual((await work([hibernated('chamber', second), ...again(out)])).map(told), ['offline a'])
    assert.deepEqual(await work([ended('chamber', second)]), [], 'copies are not handed on')
  })

  it('a new connection that takes the resource ends the session too', async () => {
    const { work } = bed()
    await work([...managed('balcony', first), delivery('a')])
    const [bound] = managed('balcony', second)
    assert.ok(bound)
    assert.deepEqual((await work([bound])).map(told), ['2/8 bound', `routing ${juliet} a`])
  })

  it('nothing stays: neither fields nor queue', async () => {
    const { work, presence } = bed()
    await work([...managed('balcony', first), delivery('a')])
    await work([ended('balcony', first)])
    assert.deepEqual([...((await presence.readStates('routing', [juliet]))[0]?.fields ?? [])], [])
    assert.deepEqual(await presence.readQueues([{ account: juliet, queue: 'sm-balcony', ordinal: 0 }], 10), [[]])
  })
})

describe('R3: what a repetition finds changed in a queue takes no other number', () => {
  it('acknowledgements between two tries of an end, and of a resumption', async () => {
    for (const last of [ended('balcony', first), resume('balcony', { to: second, h: 0 })]) {
      const { work, presence } = bed()
      await work([...managed('balcony', first), delivery('a'), delivery('b'), delivery('c')])
      const numbers = (outputs: readonly Output[]) =>
        new Map(outputs.flatMap((output) => (output.number === undefined ? [] : [[told(output), output.number]])))
      const once = numbers(await work([last], false))
      assert.equal(once.size, 3)
      await presence.trimQueues([{ account: juliet, queue: 'sm-balcony', ordinal: 1 }])
      for (const [what, number] of numbers(await work([last]))) assert.equal(number, once.get(what))
    }
  })
})
