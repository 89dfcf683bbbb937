import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Presence, QueueEntry } from '@starling/core'
import type { BareJid } from '@starling/jid'
import fc from 'fast-check'
import { account, bytes, type PresenceHarness, save } from './presence-harness.ts'

/** One queue as it must be. */
interface Model {
  /** Highest ordinal there ever was. */
  last: number
  /** Highest ordinal that was trimmed: below it an entry may come back, nobody reads there. */
  trimmed: number
  entries: QueueEntry[]
}

/** From what the queue has held last: appends repeat some of it, go on, or leave a gap. */
const append = fc.record({
  do: fc.constant('append' as const),
  queue: fc.nat(1),
  from: fc.integer({ min: -4, max: 3 }),
  count: fc.nat(4),
  /** Whether the save repeats an earlier mark: then nothing of it may happen. */
  isReplay: fc.boolean(),
  isEnded: fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0),
})
const trim = fc.record({
  do: fc.constant('trim' as const),
  queue: fc.nat(1),
  below: fc.integer({ min: -2, max: 6 }),
  times: fc.integer({ min: 1, max: 2 }),
})
const read = fc.record({ do: fc.constant('read' as const), queue: fc.nat(1), above: fc.nat(3), limit: fc.nat(4) })

type Made<A> = A extends fc.Arbitrary<infer T> ? T : never
type Action = Made<typeof append> | Made<typeof trim> | Made<typeof read>

/** Random appends, trims and reads by several clients, with repeats, against a model. */
export function queueProperty(harness: () => PresenceHarness): void {
  it('property: R4 a queue holds exactly what was appended by saves that were told true, and not trimmed', async () => {
    const { open, runs } = harness()
    const clients = [await open('model'), await open('model')]
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(append, append, trim, read), { maxLength: 30 }), async (actions) => {
        const of = account(`run${run++}`)
        const models = [blank(), blank()]
        for (const [index, action] of actions.entries()) {
          const [presence, model] = [clients[index % 2], models[action.queue]]
          assert.ok(presence && model)
          await act({ presence, model, of, mark: index }, action)
        }
        for (const [queue, model] of models.entries()) {
          const [presence] = clients
          assert.ok(presence)
          const place = { account: of, queue: `q${queue}`, ordinal: model.trimmed }
          assert.deepEqual(shown((await presence.readQueues([place], 1000))[0]), shown(model.entries))
        }
      }),
      { numRuns: runs },
    )
  })
}

interface Place {
  readonly presence: Presence
  readonly model: Model
  readonly of: BareJid
  readonly mark: number
}

async function act({ presence, model, of, mark }: Place, action: Action): Promise<void> {
  const queue = `q${action.queue}`
  switch (action.do) {
    case 'append': {
      const { from, count, isReplay, isEnded } = action
      const entries = Array.from({ length: count }, (_, i) => i + model.last + from)
        .filter((ordinal) => ordinal > 0)
        .map((ordinal): QueueEntry => ({ ordinal, bytes: bytes(`${mark} ${ordinal}`) }))
      const change = { queue, append: entries, ...(isEnded ? { isEnded } : {}) }
      const saves = [{ ...save(of, isReplay ? -1 : mark, { x: `${mark}` }), queues: [change] }]
      assert.deepEqual(await presence.saveStates('routing', saves), [!isReplay])
      if (isReplay) return
      if (isEnded) Object.assign(model, blank())
      else appendTo(model, entries)
      return
    }
    case 'trim': {
      const ordinal = model.last - action.below
      const place = { account: of, queue, ordinal }
      await presence.trimQueues(Array.from({ length: action.times }, () => place))
      model.trimmed = Math.max(model.trimmed, Math.min(ordinal, model.last))
      model.entries = model.entries.filter((entry) => entry.ordinal > ordinal)
      return
    }
    case 'read': {
      const ordinal = model.trimmed + action.above
      const [found] = await presence.readQueues([{ account: of, queue, ordinal }], action.limit)
      const expected = model.entries.filter((entry) => entry.ordinal > ordinal).slice(0, action.limit)
      assert.deepEqual(shown(found), shown(expected))
      return
    }
    default:
      action satisfies never
  }
}

function blank(): Model {
  return { last: 0, trimmed: 0, entries: [] }
}

function appendTo(model: Model, entries: readonly QueueEntry[]): void {
  for (const entry of entries) {
    if (entry.ordinal <= model.last) continue
    model.last = entry.ordinal
    model.entries.push(entry)
  }
}

function shown(entries: readonly QueueEntry[] = []): readonly string[] {
  return entries.map((entry) => `${entry.ordinal} ${Buffer.from(entry.bytes).toString()}`)
}
