import { type GroupOptions, type Log, LogError, type LogReader } from '@starling/core'
import { lane } from '../log/lane.ts'
import { rounds } from '../log/rounds.ts'
import { within } from '../log/within.ts'
import { worker } from '../log/worker.ts'
import { type MemoryGroup, memoryGroup } from './log-group.ts'
import { type LogStore, memoryLogStore } from './log-store.ts'

/** What a memory log may be told. */
export interface MemoryLogOptions {
  /** Partition count of every topic; there are no others. */
  readonly partitions: Readonly<Record<string, number>>
  /** What keeps the records; without one, memory does. Partitions, first offset and `maxBytes` are then the store's own. */
  readonly store?: LogStore
  /** Offset of the first record of every partition. */
  readonly baseOffset?: number
  /** Units: ms since 1970; stamps records, orders nothing. */
  readonly clock: () => number
  /** Units: bytes waiting to be appended; above it produce rejects LOG_FULL. */
  readonly maxPendingBytes?: number
  /** Units: bytes of one packed record. */
  readonly maxRecordBytes?: number
  /** Units: bytes of records kept for their groups; above it produce rejects LOG_FULL. */
  readonly maxBytes?: number
  /** Units: newest records kept of a partition that no group reads and nobody has open, for a reader to come. */
  readonly retainRecords?: number
  /** Groups by topic that records wait for before they have joined for the first time. */
  readonly groups?: Readonly<Record<string, readonly string[]>>
  /** Runs a step of the log later; the simulation gives its own. Order: any. */
  readonly schedule?: (run: () => void, delayMs: number) => void
  /** Units: ms until a refused batch is handed over again. */
  readonly retryMs?: number
  /** Units: ms that a batch at work is waited for when its partition moves or its reader closes. */
  readonly closeTimeoutMs?: number
  /** Told what happened, for logs and metrics. */
  readonly onEvent?: (what: string, detail: Readonly<Record<string, unknown>>) => void
}

/**
 * The log inside one process: same partitions, offsets, batching, groups and redelivery as the real one, gone with the process.
 * A record is kept until every group of its topic has committed beyond it and every open reader has passed it. A topic that no
 * group ever joined keeps `retainRecords` a partition once it was read, and everything before that.
 * No timer runs while nothing is on its way.
 */
export function memoryLog(options: MemoryLogOptions): Log {
  const { clock, retainRecords = 64, retryMs = 100, closeTimeoutMs = 5000, onEvent = () => {} } = options
  const schedule = options.schedule ?? rounds()
  const store =
    options.store ??
    memoryLogStore({
      partitions: options.partitions,
      baseOffset: options.baseOffset ?? 0,
      maxBytes: options.maxBytes ?? defaultMaxBytes,
    })
  const groups = new Map<string, MemoryGroup>()
  const topicGroups = new Map<string, Set<string>>()
  const readTopics = new Set<string>()
  /** Open readers of a partition. */
  const readers = new Map<string, Set<Reader>>()
  const open = new Set<LogReader>()
  for (const [topic, names] of Object.entries(options.groups ?? {})) topicGroups.set(topic, new Set(names))

  const produced = lane({
    maxPendingBytes: options.maxPendingBytes ?? 64 * 1024 * 1024,
    maxRecordBytes: options.maxRecordBytes ?? 512 * 1024,
    timeoutMs: Number.POSITIVE_INFINITY,
    schedule: (run) => schedule(run, 0),
    send: async (records) => {
      const outcomes = await store.append(records, clock())
      for (const { topic, partition } of records) {
        for (const name of topicGroups.get(topic) ?? []) groups.get(name)?.wake(topic, partition)
        for (const reader of readers.get(keyOf(topic, partition)) ?? []) reader.wake()
        trim(topic, partition)
      }
      return outcomes
    },
  })

  function trim(topic: string, partition: number): void {
    const names = topicGroups.get(topic)
    let before = store.end(topic, partition)
    if (names !== undefined) {
      for (const name of names) {
        before = Math.min(before, store.committed(name, topic).get(partition)?.offset ?? Number.NEGATIVE_INFINITY)
      }
    } else if (readTopics.has(topic)) {
      before -= retainRecords
    } else return
    for (const reader of readers.get(keyOf(topic, partition)) ?? []) before = Math.min(before, reader.position())
    store.trim(topic, partition, before)
  }

  function partitionsOf(topic: string): number {
    const count = store.partitions(topic)
    if (count === undefined) throw new LogError('LOG_NO_TOPIC', `there is no topic ${topic}`)
    return count
  }

  function groupOf(name: string): MemoryGroup {
    let group = groups.get(name)
    if (group === undefined) {
      const refused = (group: string, topic: string, partition: number, error: unknown): void =>
        onEvent('log.batch.refused', { group, topic, partition, error })
      group = memoryGroup(name, { store, schedule, retryMs, closeTimeoutMs, committed: trim, refused })
      groups.set(name, group)
    }
    return group
  }

  /** Keeps a reader in the list of what close() closes. */
  function opened(close: () => Promise<void>): LogReader {
    const reader: LogReader = {
      close: async () => {
        open.delete(reader)
        await close()
      },
    }
    open.add(reader)
    return reader
  }

  async function consume(groupOptions: GroupOptions): Promise<LogReader> {
    for (const topic of groupOptions.topics) {
      partitionsOf(topic)
      const names = topicGroups.get(topic) ?? new Set()
      topicGroups.set(topic, names.add(groupOptions.group))
    }
    const member = groupOf(groupOptions.group).join(groupOptions)
    return opened(member.leave)
  }

  const read: Log['read'] = async (topic, partition, { from, handle }) => {
    if (partition >= partitionsOf(topic)) {
      throw new LogError('LOG_NO_TOPIC', `there is no partition ${partition} of topic ${topic}`)
    }
    readTopics.add(topic)
    const key = keyOf(topic, partition)
    let next = Math.min(Math.max(from, store.start(topic, partition)), store.end(topic, partition))
    let handled = next
    const reading = worker({
      topic,
      partition,
      maxBatchRecords: 500,
      take: (maxRecords) => {
        const records = store.read(topic, partition, next, maxRecords)
        next = (records.at(-1)?.offset ?? next - 1) + 1
        return records
      },
      handle: async (batch) => {
        await handle(batch)
        return ''
      },
      handled: (offset) => {
        handled = offset
        trim(topic, partition)
      },
      refused: (error) => onEvent('log.batch.refused', { topic, partition, error }),
      retryMs,
      schedule,
    })
    const reader: Reader = { wake: reading.wake, position: () => handled }
    const here = readers.get(key) ?? new Set()
    readers.set(key, here.add(reader))
    reading.wake()
    return opened(async () => {
      await within(reading.stop(), closeTimeoutMs)
      here.delete(reader)
      trim(topic, partition)
    })
  }

  return {
    partitions: async (topic) => partitionsOf(topic),
    produce: produced.produce,
    consume,
    read,
    committed: async (group, topic) => {
      partitionsOf(topic)
      return new Map(store.committed(group, topic))
    },
    ends: async (topic) => {
      const count = partitionsOf(topic)
      return new Map(Array.from({ length: count }, (_, partition) => [partition, store.end(topic, partition)]))
    },
    health: () => ({ isUp: store.isUp(), pendingBytes: produced.pendingBytes() }),
    close: async () => {
      await produced.close()
      await Promise.all([...open].map((reader) => reader.close()))
      await store.close()
    },
  }
}

/** Units: bytes of records that are kept for their groups, unless something else is said. */
export const defaultMaxBytes = 256 * 1024 * 1024

/** A reader without a group, as the trimmer sees it. */
interface Reader {
  readonly wake: () => void
  /** Offset after the last record handled. */
  readonly position: () => number
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}
