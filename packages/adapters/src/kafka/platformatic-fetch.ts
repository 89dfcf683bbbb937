import { Consumer, type RecordsBatch } from '@platformatic/kafka'
import type { LogRecord } from '@starling/core'
import { breather } from '../log/paced.ts'
import { type Bounds, type DriverSettings, type FeedSink, keyOf, type TopicPartition } from './driver.ts'
import { platformaticOptions } from './platformatic-options.ts'

/** What a fetcher works with. */
export interface FetcherOptions {
  readonly settings: DriverSettings
  readonly topics: readonly string[]
  readonly sink: Pick<FeedSink, 'received'>
  readonly bounds: (topic: string) => Promise<ReadonlyMap<number, Bounds>>
}

/** Reads partitions from their leaders, each from its own position. */
export interface Fetcher {
  readonly start: (at: TopicPartition, offset: number) => void
  readonly stop: (at: TopicPartition) => void
  readonly pause: (at: TopicPartition) => void
  readonly resume: (at: TopicPartition) => void
  readonly close: () => Promise<void>
}

interface Position extends TopicPartition {
  offset: number
  isPaused: boolean
}

/**
 * Makes a fetcher over `Consumer.fetch`, on connections of its own: a fetch that waits at the broker holds up everything behind it.
 * Order: one fetch at a time a broker. Errors: told as events; it goes on for ever.
 */
export function fetcher(options: FetcherOptions): Fetcher {
  const { settings, topics, sink } = options
  const consumer = new Consumer({
    ...platformaticOptions(settings),
    groupId: `${settings.clientId}.fetch`, // named only because it must be: it joins nothing
    retries: 0,
  })
  consumer.topics.trackAll(...topics)
  const positions = new Map<string, Position>()
  /** Brokers that are being read. */
  const busy = new Set<number>()
  let isClosed = false
  let timer: NodeJS.Timeout | undefined

  /** Starts a loop for each leader that has none. */
  async function kick(): Promise<void> {
    if (isClosed || positions.size === 0) return
    try {
      const { topics: known } = await consumer.metadata({ topics: [...topics] })
      for (const { topic, partition, isPaused } of positions.values()) {
        const leader = known.get(topic)?.partitions[partition]?.leader ?? -1
        if (leader < 0) again(200)
        else if (!isPaused && !busy.has(leader) && !isClosed) {
          busy.add(leader)
          void loop(leader)
        }
      }
    } catch (error) {
      failed(error)
    }
  }

  function again(delayMs: number): void {
    if (isClosed || timer !== undefined) return
    timer = setTimeout(() => {
      timer = undefined
      void kick()
    }, delayMs)
  }

  function failed(error: unknown): void {
    if (isClosed) return
    settings.onEvent('log.fetch.failed', { error })
    consumer.clearMetadata()
    again(200)
  }

  async function loop(node: number): Promise<void> {
    const breathe = breather({ intervalMs: settings.fetchGatherMs, monotonic: () => performance.now() })
    try {
      while (!isClosed && (await fetchOnce(node))) await breathe()
    } catch (error) {
      await mend(error)
    }
    busy.delete(node)
    again(50) // what moved to another leader meanwhile needs its loop
  }

  /** One fetch of all that a broker leads; false when it leads nothing that is wanted. */
  async function fetchOnce(node: number): Promise<boolean> {
    const metadata = await consumer.metadata({ topics: [...topics] })
    const wanted = [...positions.values()].filter(({ topic, partition, isPaused }) => {
      return !isPaused && metadata.topics.get(topic)?.partitions[partition]?.leader === node
    })
    if (wanted.length === 0) return false
    const ids = new Map(topics.map((topic) => [metadata.topics.get(topic)?.id ?? '', topic]))
    const asked = new Map(wanted.map((position) => [keyOf(position), position.offset]))
    const isAnyPaused = [...positions.values()].some((position) => position.isPaused)
    const response = await consumer.fetch({
      node,
      // a paused partition that goes on must not wait for the others' silence
      maxWaitTime: isAnyPaused ? Math.min(20, settings.maxWaitMs) : settings.maxWaitMs,
      minBytes: 1,
      maxBytes: 10 * 1024 * 1024,
      topics: [...Map.groupBy(wanted, ({ topic }) => topic)].map(([topic, list]) => ({
        topicId: metadata.topics.get(topic)?.id ?? '',
        partitions: list.map(({ partition, offset }) => ({
          partition,
          fetchOffset: BigInt(offset),
          currentLeaderEpoch: -1,
          lastFetchedEpoch: -1,
          partitionMaxBytes: settings.maxFetchBytes,
        })),
      })),
    })
    if (!isClosed) deliver(response, ids, asked)
    return true
  }

  function deliver(
    response: FetchResponse,
    ids: ReadonlyMap<string, string>,
    asked: ReadonlyMap<string, number>,
  ): void {
    for (const { topicId, partitions } of response.responses) {
      const topic = ids.get(topicId)
      if (topic === undefined) continue
      for (const { partitionIndex: partition, records: batches } of partitions) {
        const position = positions.get(keyOf({ topic, partition }))
        // not ours any more, or started anew elsewhere while this answer was on its way
        if (!batches || position === undefined || position.offset !== asked.get(keyOf(position))) continue
        const { records, next } = unpack(batches, position.offset)
        position.offset = next
        if (records.length > 0) sink.received(topic, partition, records)
      }
    }
  }

  /** After a failed fetch: positions that the log no longer has (or never had) are moved into it. */
  async function mend(error: unknown): Promise<void> {
    failed(error)
    if (!hasApiId(error, 'OFFSET_OUT_OF_RANGE')) return
    try {
      for (const topic of topics) {
        const bounds = await options.bounds(topic)
        for (const position of positions.values()) {
          const limits = position.topic === topic ? bounds.get(position.partition) : undefined
          if (limits === undefined) continue
          const offset = Math.min(Math.max(position.offset, limits.start), limits.end)
          if (offset !== position.offset) {
            settings.onEvent('log.read.moved', { topic, partition: position.partition, from: position.offset, offset })
            position.offset = offset
          }
        }
      }
    } catch (cause) {
      failed(cause)
    }
  }

  return {
    start: ({ topic, partition }, offset) => {
      positions.set(keyOf({ topic, partition }), { topic, partition, offset, isPaused: false })
      void kick()
    },
    stop: (at) => {
      positions.delete(keyOf(at))
    },
    pause: (at) => {
      const position = positions.get(keyOf(at))
      if (position !== undefined) position.isPaused = true
    },
    resume: (at) => {
      const position = positions.get(keyOf(at))
      if (position === undefined || !position.isPaused) return
      position.isPaused = false
      void kick()
    },
    close: async () => {
      isClosed = true
      clearTimeout(timer)
      positions.clear()
      await consumer.close(true).catch(() => {})
    },
  }
}

type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>

/** The records from `from` on (the broker sends its batches whole), and the offset after the last batch. */
function unpack(batches: readonly RecordsBatch[], from: number): { records: LogRecord[]; next: number } {
  const records: LogRecord[] = []
  let next = from
  for (const batch of batches) {
    for (const { offsetDelta, timestampDelta, value } of batch.records) {
      const offset = Number(batch.firstOffset) + offsetDelta
      if (offset < from) continue
      records.push({
        offset,
        timestampMs: Number(batch.firstTimestamp + timestampDelta),
        value: value ?? new Uint8Array(),
      })
    }
    next = Math.max(next, Number(batch.firstOffset) + batch.lastOffsetDelta + 1)
  }
  return { records, next }
}

/** Looks for a protocol error by its name, in an error and all it holds. */
function hasApiId(error: unknown, apiId: string): boolean {
  if (typeof error !== 'object' || error === null) return false
  if ('apiId' in error && error.apiId === apiId) return true
  return error instanceof AggregateError && error.errors.some((one) => hasApiId(one, apiId))
}
