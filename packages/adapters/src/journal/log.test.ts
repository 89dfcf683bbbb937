import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Log } from '@starling/core'
import { type LogOverrides, logContract } from '@starling/testkit'
import { openEmbedded } from './embedded.ts'

const topics = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`topic.${i}`, 8]))

logContract('embedded, durable', async () => {
  const now = 1_700_000_000_000
  const directory = mkdtempSync(join(tmpdir(), 'starling-journal-'))
  const closers: (() => Promise<void>)[] = []
  let files = 0
  const make = async (overrides: LogOverrides): Promise<Log> => {
    const { log, presence } = await openEmbedded({
      // Little slack, so that rows go and old values are written again within the contract
      journal: { folder: join(directory, `${files++}`), durability: 'process', slackBytes: 20_000, lazyMs: 5 },
      log: { partitions: topics, clock: () => now, retryMs: 5, retainRecords: 10_000, ...overrides },
      passingTopics: [],
      presence: { clock: () => 0 },
    })
    closers.push(() => Promise.all([log.close(), presence.close()]).then(() => {}))
    return log
  }
  const shared = await make({})
  let used = 0
  return {
    open: async (overrides) => (overrides === undefined ? shared : make(overrides)),
    topic: async () => `topic.${used++}`,
    runs: 50,
    now,
    close: async () => {
      for (const close of closers) await close()
      rmSync(directory, { recursive: true })
    },
  }
})
