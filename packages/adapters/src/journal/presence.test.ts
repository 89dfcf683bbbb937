import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Presence } from '@starling/core'
import { presenceContract } from '@starling/testkit'
import { openEmbedded } from './embedded.ts'

presenceContract('embedded, durable', async () => {
  const emptyStateTtlMs = 1000
  const rollTtlMs = 2000
  const directory = mkdtempSync(join(tmpdir(), 'starling-journal-'))
  let now = 0
  const spaces = new Map<string, Promise<Presence>>()
  const closers: (() => Promise<void>)[] = []
  const make = async (number: number): Promise<Presence> => {
    const { log, presence } = await openEmbedded({
      journal: { folder: join(directory, `${number}`), durability: 'process', slackBytes: 10_000, lazyMs: 5 },
      log: { partitions: {}, clock: () => now },
      passingTopics: [],
      presence: { clock: () => now, emptyStateTtlMs, rollTtlMs },
    })
    closers.push(() => Promise.all([log.close(), presence.close()]).then(() => {}))
    return presence
  }
  return {
    open: (space) => {
      const known = spaces.get(space) ?? make(spaces.size)
      spaces.set(space, known)
      return known
    },
    emptyStateTtlMs,
    rollTtlMs,
    leaseMs: 5000,
    pass: async (ms) => {
      now += ms
    },
    runs: 100,
    close: async () => {
      for (const close of closers) await close()
      rmSync(directory, { recursive: true })
    },
  }
})
