import type { LogRecord } from '@starling/core'
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage, PartitionAssigner } from 'kafkajs'
import { breather } from '../log/paced.ts'
import type { DriverSettings, Feed, FeedSink, TopicPartition } from './driver.ts'

/** What makes one kafkajs consumer. */
export interface KafkajsFeedOptions {
  readonly kafka: Kafka
  readonly settings: DriverSettings
  readonly group: string
  readonly topics: readonly string[]
  readonly assigner: PartitionAssigner
  /** Where to start, for a reader without commits. */
  readonly seek?: TopicPartition & { readonly offset: number }
}

/**
 * Opens a kafkajs consumer as a feed. Its handler only hands records on, so that a slow stage never delays heartbeats, other
 * partitions or a rebalance; what is too much is paused, and our own intake counts what was handled.
 * Errors: whatever happens is told by `lost`, once.
 */
export function kafkajsFeed(options: KafkajsFeedOptions, sink: FeedSink): Feed {
  const { kafka, settings, group, topics, seek } = options
  const consumer: Consumer = kafka.consumer({
    groupId: group,
    partitionAssigners: [options.assigner],
    sessionTimeout: settings.sessionTimeoutMs,
    heartbeatInterval: settings.heartbeatMs,
    rebalanceTimeout: Math.max(settings.sessionTimeoutMs, 10_000),
    maxWaitTimeInMs: settings.maxWaitMs,
    minBytes: 1,
    maxBytesPerPartition: settings.maxFetchBytes,
    allowAutoTopicCreation: false,
    metadataMaxAge: 60_000,
    // the keeper opens a new consumer instead: one way back for every kind of failure
    retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 1000, restartOnFailure: async () => false },
  })
  const breathe = breather({ intervalMs: settings.fetchGatherMs, monotonic: () => performance.now() })
  let commitNow: EachBatchPayload['commitOffsetsIfNecessary'] | undefined
  let isLost = false
  let isClosed = false

  function lose(error: unknown): void {
    if (isLost || isClosed) return
    isLost = true
    sink.lost(error)
  }

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    if (isClosed) {
      void disconnect() // it was joining while it was told to end, and has connected again by itself
      return
    }
    // before the first fetch, which takes the position from here
    if (seek !== undefined) consumer.seek({ ...seek, offset: String(seek.offset) })
    const partitions = Object.entries(payload.memberAssignment).flatMap(([topic, list]) =>
      list.map((partition) => ({ topic, partition })),
    )
    sink.assigned(payload.memberId, partitions)
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => lose(payload.error))

  async function start(): Promise<void> {
    await consumer.connect()
    await consumer.subscribe({ topics: [...topics], fromBeginning: true })
    if (isClosed) return
    await consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 4,
      eachBatch: async (payload) => {
        commitNow = payload.commitOffsetsIfNecessary
        const { topic, partition, messages } = payload.batch
        if (!isClosed) sink.received(topic, partition, messages.map(toRecord))
        // kafkajs fetches anew when this has returned for every partition; one of them waits, the others' records go on
        await breathe()
      },
    })
  }
  async function disconnect(): Promise<void> {
    await consumer.disconnect().catch((error: unknown) => settings.onEvent('log.client.disconnect', { error }))
  }
  const started = start().catch((error: unknown) => {
    lose(error)
  })

  return {
    begin: () => {},
    commit: async (commits) => {
      if (commitNow === undefined || isLost || isClosed) throw new Error('the consumer is not running')
      const byTopic = Map.groupBy(commits, ({ topic }) => topic)
      // Not consumer.commitOffsets: it tries again by itself under whatever generation has come meanwhile, and would so commit for
      // a partition that went elsewhere. This one is sent once, under the generation of this moment; called from a timer, it
      // cannot fall between a new generation and GROUP_JOIN, which follow each other without a turn of the event loop.
      await commitNow({
        topics: [...byTopic].map(([topic, list]) => ({
          topic,
          partitions: list.map(({ partition, offset, metadata }) => ({ partition, offset: String(offset), metadata })),
        })),
      })
    },
    pause: ({ topic, partition }) => attempt(() => consumer.pause([{ topic, partitions: [partition] }])),
    resume: ({ topic, partition }) => attempt(() => consumer.resume([{ topic, partitions: [partition] }])),
    close: async () => {
      isClosed = true
      await started
      await disconnect()
    },
  }
}

/** Pausing throws while the consumer is not running, when there is nothing to pause. */
function attempt(run: () => void): void {
  try {
    run()
  } catch {
    // a consumer that does not run reads nothing; the next one starts unpaused
  }
}

function toRecord({ offset, timestamp, value }: KafkaMessage): LogRecord {
  return { offset: Number(offset), timestampMs: Number(timestamp), value: value ?? new Uint8Array() }
}
