import type { LogBatch } from '@starling/core'
import { within } from '../log/within.ts'
import type { KafkaDriver, TopicPartition } from './driver.ts'
import { intake } from './intake.ts'
import { keeper } from './keeper.ts'
import type { Member, ReadSettings } from './member.ts'

/** Reads one partition without a group, over absence of the brokers, until it is closed (a pod's slot, R7). */
export function reader(
  driver: KafkaDriver,
  at: TopicPartition & { readonly from: number; readonly handle: (batch: LogBatch) => Promise<void> },
  settings: ReadSettings,
): Member {
  const { topic, partition, from, handle } = at
  const { onEvent, closeTimeoutMs } = settings
  let isBegun = false

  const taken = intake({
    topic,
    partition,
    maxBatchRecords: 500,
    maxBufferedBytes: settings.maxBufferedBytes,
    retryMs: settings.retryMs,
    handle: async (batch) => {
      await handle(batch)
      return ''
    },
    handled: () => {},
    refused: (error) => onEvent('log.batch.refused', { topic, partition, error }),
    pause: () => kept.feed()?.pause({ topic, partition }),
    resume: () => kept.feed()?.resume({ topic, partition }),
  })

  const kept = keeper({
    open: async (sink) => {
      const bounds = (await driver.bounds(topic)).get(partition)
      if (bounds === undefined) throw new Error(`there is no partition ${partition} of topic ${topic}`)
      // below the oldest kept record the reader starts there, beyond the end at the end
      const wanted = isBegun ? taken.expected() : from
      const start = Math.min(Math.max(wanted, bounds.start), bounds.end)
      if (start !== wanted) onEvent('log.read.moved', { topic, partition, wanted, start })
      if (!isBegun) {
        isBegun = true
        taken.begin(start)
      }
      return driver.openPartition({ topic, partition }, start, sink)
    },
    sink: { assigned: () => {}, received: (_topic, _partition, records) => taken.receive(records) },
    lost: (error) => onEvent('log.read.lost', { topic, partition, error }),
    firstRetryMs: 100,
    maxRetryMs: 2000,
  })

  return {
    close: async () => {
      await within(taken.stop(), closeTimeoutMs)
      await within(kept.close(), closeTimeoutMs)
    },
    renew: kept.renew,
    watched: () => (isBegun && !taken.isPaused() ? [{ topic, partition, expected: taken.expected() }] : []),
  }
}
