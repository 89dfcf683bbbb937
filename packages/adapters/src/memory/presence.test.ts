import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Presence } from '@starling/core'
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
