import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Presence, QueueChange, QueueEntry, StateSave } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { account, bytes, hostileLocalparts, type PresenceHarness, save, texts } from './presence-harness.ts'
import { queueProperty } from './presence-queues-property.ts'

const a = account('a')

/** What the queues of unacknowledged deliveries promise (R4). */
export function queueContract(harness: () => PresenceHarness): void {
  it('R4 a queue holds what was appended with the state, in its order; others are apart', async () => {
    const [one, two] = [await harness().open('queues'), await harness().open('queues')]
    assert.deepEqual(await read(one, a, 'q'), [])
    const changes = [change('q', [1, 'one'], [2, 'two']), change('r', [1, 'other queue'])]
    assert.deepEqual(
      await one.saveStates('routing', [saving(a, 5, changes), saving(account('b'), 5, [change('q', [9, 'b'])])]),
      [true, true],
    )
    assert.deepEqual(await one.saveStates('routing', [saving(a, 6, [change('q', [3, 'three'])])]), [true])
    assert.deepEqual(await read(two, a, 'q'), ['1 one', '2 two', '3 three'])
    const places = [
      { account: account('b'), queue: 'q', ordinal: 0 },
      { account: a, queue: 'r', ordinal: 0 },
      { account: a, queue: 'none', ordinal: 0 },
      { account: a, queue: 'q', ordinal: 2 },
      { account: a, queue: 'q', ordinal: 3 },
    ]
    assert.deepEqual((await two.readQueues(places, 10)).map(shown), [['9 b'], ['1 other queue'], [], ['3 three'], []])
    assert.deepEqual(await two.readQueues([], 10), [])
  })

  it('R4 a save changes fields and queues in one, and no queue shows as a field', async () => {
    const presence = await harness().open('both')
    await presence.saveStates('routing', [save(a, 1, { keep: 'k', drop: 'd' })])
    const both = { ...save(a, 2, { new: 'n' }, ['drop']), queues: [change('q', [1, 'x']), change('r', [1, 'y'])] }
    assert.deepEqual(await presence.saveStates('routing', [both]), [true])
    const [state] = await presence.readStates('routing', [a])
    assert.deepEqual([state?.mark, texts(state?.fields ?? new Map())], [2, { keep: 'k', new: 'n' }])
    assert.deepEqual([await read(presence, a, 'q'), await read(presence, a, 'r')], [['1 x'], ['1 y']])
  })

  it('R3 a save that is refused appends nothing and ends nothing', async () => {
    const presence = await harness().open('refused')
    await presence.saveStates('routing', [saving(a, 5, [change('q', [1, 'x'])])])
    const refused = [saving(a, 5, [change('q', [2, 'zombie'])]), saving(a, 4, [{ ...change('q'), isEnded: true }])]
    assert.deepEqual(await presence.saveStates('routing', refused), [false, false])
    assert.deepEqual(await read(presence, a, 'q'), ['1 x'])
  })

  it('R4 an ordinal not above what the queue holds changes nothing', async () => {
    const presence = await harness().open('repeat')
    await presence.saveStates('routing', [saving(a, 1, [change('q', [1, 'x'], [2, 'y'], [3, 'z'])])])
    await presence.saveStates('routing', [saving(a, 2, [change('q', [2, 'again'], [3, 'again'], [4, 'new'])])])
    await presence.saveStates('routing', [saving(a, 3, [change('q', [5, 'v'], [5, 'twice'], [4, 'back'])])])
    assert.deepEqual(await read(presence, a, 'q'), ['1 x', '2 y', '3 z', '4 new', '5 v'])
  })

  it('R4 trims forget up to and with the ordinal; any order, any number of times, also of what is not there', async () => {
    const presence = await harness().open('trims')
    const trim = (ordinal: number, queue = 'q') => presence.trimQueues([{ account: a, queue, ordinal }])
    await trim(7)
    await trim(7, 'never')
    const entries = Array.from({ length: 9 }, (_, i): [number, string] => [i + 1, 'x'])
    await presence.saveStates('routing', [saving(a, 1, [change('q', ...entries)])])
    await presence.trimQueues([])
    for (const ordinal of [0, 4, 2, 4]) await trim(ordinal)
    assert.deepEqual(await ordinals(presence), [5, 6, 7, 8, 9])
    await presence.trimQueues([5, 7, 6].map((ordinal) => ({ account: a, queue: 'q', ordinal })))
    assert.deepEqual(await ordinals(presence), [8, 9])
    for (const ordinal of [9, 8, 9]) await trim(ordinal)
    assert.deepEqual(await ordinals(presence), [])
    await presence.saveStates('routing', [saving(a, 2, [change('q', [10, 'next'])])])
    assert.deepEqual(await read(presence, a, 'q', 9), ['10 next'])
  })

  it('R4 what is appended again after its trim is never read above the trim, and goes with the next', async () => {
    const presence = await harness().open('stale')
    await presence.saveStates('routing', [saving(a, 1, [change('q', [1, 'x'], [2, 'y'])])])
    await presence.trimQueues([{ account: a, queue: 'q', ordinal: 2 }])
    await presence.saveStates('routing', [saving(a, 2, [change('q', [2, 'stale'])])])
    await presence.saveStates('routing', [saving(a, 3, [change('q', [3, 'z'], [4, 'v'])])])
    assert.deepEqual(await read(presence, a, 'q', 2), ['3 z', '4 v'])
    await presence.trimQueues([{ account: a, queue: 'q', ordinal: 3 }])
    assert.deepEqual(await read(presence, a, 'q', 0), ['4 v'])
  })

  it('reads pages above an ordinal, at most as many as asked, also where ordinals leave gaps', async () => {
    const presence = await harness().open('read')
    const entries = Array.from({ length: 1000 }, (_, i): [number, string] => [3 * i + 1, `${i}`])
    await presence.saveStates('routing', [saving(a, 1, [change('q', ...entries)])])
    const seen: number[] = []
    for (let ordinal = 0; ; ) {
      const [page = []] = await presence.readQueues([{ account: a, queue: 'q', ordinal }], 300)
      if (page.length === 0) break
      assert.equal(page.length, Math.min(300, 1000 - seen.length))
      seen.push(...page.map((entry) => entry.ordinal))
      ordinal = seen.at(-1) ?? Number.NaN
    }
    assert.deepEqual(
      seen,
      entries.map(([ordinal]) => ordinal),
    )
    for (const [above, first] of [
      [1498, 1501],
      [1499, 1501],
      [1500, 1501],
      [1501, 1504],
    ] as const) {
      const [page = []] = await presence.readQueues([{ account: a, queue: 'q', ordinal: above }], 1)
      assert.deepEqual(
        page.map(({ ordinal }) => ordinal),
        [first],
      )
    }
    assert.deepEqual(await presence.readQueues([{ account: a, queue: 'q', ordinal: 0 }], 0), [[]])
    await presence.trimQueues([{ account: a, queue: 'q', ordinal: 2500 }])
    assert.deepEqual(
      await ordinals(presence),
      entries.map(([ordinal]) => ordinal).filter((ordinal) => ordinal > 2500),
    )
  })

  it('R6 a queue that ended is forgotten, whatever else the change says; its name can begin again', async () => {
    const presence = await harness().open('ended')
    await presence.saveStates('routing', [saving(a, 1, [change('q', [1, 'x'], [2, 'y']), change('r', [1, 'stays'])])])
    await presence.saveStates('routing', [saving(a, 2, [{ ...change('q', [3, 'z']), isEnded: true }])])
    assert.deepEqual([await read(presence, a, 'q'), await read(presence, a, 'r')], [[], ['1 stays']])
    await presence.saveStates('routing', [saving(a, 3, [{ ...change('q'), isEnded: true }, change('q', [1, 'new'])])])
    assert.deepEqual(await read(presence, a, 'q'), ['1 new'])
  })

  it('an account left without fields still ends its queues, and keeps its mark for its time', async () => {
    const { open, pass, emptyStateTtlMs } = harness()
    const presence = await open('left')
    await presence.saveStates('routing', [{ ...save(a, 1, { x: '1' }), queues: [change('q', [1, 'x'])] }])
    const last = { ...save(a, 2, {}, ['x']), queues: [{ ...change('q'), isEnded: true }] }
    assert.deepEqual(await presence.saveStates('routing', [last]), [true])
    assert.deepEqual(await read(presence, a, 'q'), [])
    assert.deepEqual(await presence.saveStates('routing', [last]), [false])
    await pass(emptyStateTtlMs)
    assert.equal((await presence.readStates('routing', [a]))[0]?.mark, -1)
  })

  it('keeps any bytes, and copies them; large ones and large ordinals too', async () => {
    const presence = await harness().open('bytes')
    const all = Uint8Array.from({ length: 256 }, (_, i) => i)
    const large = new Uint8Array(300_000).fill(0x3c)
    const kept = [new Uint8Array(0), all.subarray(10, 20), bytes('17'), large, all]
    const append = kept.map((one, i): QueueEntry => ({ ordinal: Number.MAX_SAFE_INTEGER - 5 + i, bytes: one }))
    const expected = kept.map((one) => Buffer.from(one).toString('hex'))
    await presence.saveStates('routing', [saving(a, 1, [{ queue: 'q', append }])])
    all.fill(0)
    const [entries = []] = await presence.readQueues([{ account: a, queue: 'q', ordinal: 0 }], 10)
    assert.deepEqual(
      entries.map((entry) => Buffer.from(entry.bytes).toString('hex')),
      expected,
    )
    await presence.trimQueues([{ account: a, queue: 'q', ordinal: Number.MAX_SAFE_INTEGER - 3 }])
    assert.deepEqual(await ordinals(presence), [Number.MAX_SAFE_INTEGER - 2, Number.MAX_SAFE_INTEGER - 1])
  })

  it('no name of an account or a queue reaches another one', async () => {
    const presence = await harness().open('names')
    const places = hostileLocalparts.flatMap((name) =>
      ['q', ...hostileLocalparts].map((queue) => ({ account: account(name), queue, ordinal: 0 })),
    )
    const saves = places.map(({ account: of, queue }, i) => saving(of, i, [change(queue, [1, `${of} ${queue}`])]))
    assert.ok((await presence.saveStates('routing', saves)).every((saved) => saved))
    const found = await presence.readQueues(places, 10)
    found.forEach((entries, i) => {
      assert.deepEqual(shown(entries), [`1 ${places[i]?.account} ${places[i]?.queue}`])
    })
  })

  queueProperty(harness)
}

function change(queue: string, ...append: readonly (readonly [number, string])[]): QueueChange {
  return { queue, append: append.map(([ordinal, text]) => ({ ordinal, bytes: bytes(text) })) }
}

function saving(of: BareJid, mark: number, queues: readonly QueueChange[]): StateSave {
  return { ...save(of, mark, { x: 'x' }), queues }
}

function shown(entries: readonly QueueEntry[]): readonly string[] {
  return entries.map((entry) => `${entry.ordinal} ${Buffer.from(entry.bytes).toString()}`)
}

async function read(presence: Presence, of: BareJid, queue: string, ordinal = 0): Promise<readonly string[]> {
  const [entries = []] = await presence.readQueues([{ account: of, queue, ordinal }], 10_000)
  return shown(entries)
}

async function ordinals(presence: Presence): Promise<readonly number[]> {
  const [entries = []] = await presence.readQueues([{ account: a, queue: 'q', ordinal: 0 }], 10_000)
  return entries.map((entry) => entry.ordinal)
}
