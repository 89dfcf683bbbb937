import type { Log } from '@starling/core'
import { type LogOverrides, logContract } from '@starling/testkit'
import { memoryLog } from './log.ts'

const topics = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`topic.${i}`, 8]))

logContract('memory', async () => {
  const now = 1_700_000_000_000
  const logs: Log[] = []
  const make = (overrides: LogOverrides): Log => {
    const log = memoryLog({ partitions: topics, clock: () => now, retryMs: 5, retainRecords: 10_000, ...overrides })
    logs.push(log)
    return log
  }
  const shared = make({})
  let used = 0
  return {
    open: async (overrides) => (overrides === undefined ? shared : make(overrides)),
    topic: async () => `topic.${used++}`,
    runs: 50,
    now,
    close: async () => {
      await Promise.all(logs.map((log) => log.close()))
    },
  }
})
