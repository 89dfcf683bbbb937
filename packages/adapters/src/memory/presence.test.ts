import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Presence } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { presenceContract } from '@starling/testkit'
import { memoryPresence } from './presence.ts'

presenceContract('memory', async () => {
  const emptyStateTtlMs = 1000
  const rollTtlMs = 2000
  let now = 0
  const spaces = new Map<string, Presence>()
  return {
    open: async (space) => {
      const presence = spaces.get(space) ?? memoryPresence({ clock: () => now, emptyStateTtlMs, rollTtlMs })
      spaces.set(space, presence)
      return presence
    },
    emptyStateTtlMs,
    rollTtlMs,
    leaseMs: 5000,
    pass: async (ms) => {
      now += ms
    },
    runs: 200,
    close: async () => {},
  }
})

it('memory presence: above maxNames the counter set longest ago is forgotten', async () => {
  const presence = memoryPresence({ clock: () => 0, maxNames: 2 })
  await presence.addToCounter('a', 1, 1000)
  await presence.addToCounter('b', 1, 1000)
  await presence.addToCounter('c', 1, 1000)
  const sums = [await presence.addToCounter('c', 1, 1000), await presence.addToCounter('a', 1, 1000)]
  assert.deepEqual(sums, [2, 1])
})

it('memory presence: what is kept holds on to no memory but its own', async () => {
  const presence = memoryPresence({ clock: () => 0 })
  const account = 'juliet@capulet.lit' as BareJid
  // as a decoded record gives them: a Buffer that looks into a larger one
  const bytes = (text: string): Uint8Array => Buffer.from(`--${text}--`.repeat(1_000)).subarray(2, 2 + text.length)
  const append = [{ ordinal: 1, bytes: bytes('entry') }]
  const set = new Map([['p:chamber', bytes('presence')]])
  await presence.saveStates('routing', [{ account, mark: 1, set, remove: [], queues: [{ queue: 'sm', append }] }])
  const [state] = await presence.readStates('routing', [account])
  const [entries] = await presence.readQueues([{ account, queue: 'sm', ordinal: 0 }], 1)
  const kept = [state?.fields.get('p:chamber'), entries?.[0]?.bytes]
  assert.deepEqual(
    kept.map((one) => Buffer.from(one ?? []).toString()),
    ['presence', 'entry'],
  )
  assert.deepEqual(
    kept.map((one) => one?.buffer.byteLength),
    [8, 5],
  )
})
