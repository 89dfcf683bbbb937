import type { Committed, LogRecord } from '@starling/core'
import { LogError } from '@starling/core'
import type { LaneOutcome, LaneRecord } from '../log/lane.ts'

/** What the memory log keeps; a durable store fulfils the same to survive a restart. */
export interface LogStore {
  /** Partition count; undefined for a topic that does not exist. */
  readonly partitions: (topic: string) => number | undefined
  /** Appends a request, record by record. Errors: LOG_FULL, LOG_NO_TOPIC as outcomes. Order: outcomes as the records. */
  readonly append: (records: readonly LaneRecord[], timestampMs: number) => Promise<readonly LaneOutcome[]>
  /** Records from `from` on, or from the oldest kept when that is gone. */
  readonly read: (topic: string, partition: number, from: number, maxRecords: number) => readonly LogRecord[]
  /** Drops the records below `before`. */
  readonly trim: (topic: string, partition: number, before: number) => void
  readonly end: (topic: string, partition: number) => number
  readonly start: (topic: string, partition: number) => number
  readonly commit: (group: string, topic: string, partition: number, committed: Committed) => void
  readonly committed: (group: string, topic: string) => ReadonlyMap<number, Committed>
}

/** Bytes a kept record costs beside its value. Units: bytes, about. */
const recordOverheadBytes = 120

interface Partition {
  /** Offset of `records[0]`. */
  start: number
  records: LogRecord[]
}

/** A store in this process's memory: it ends with the process. Errors: LOG_FULL once `maxBytes` of records are kept. */
export function memoryLogStore(options: {
  readonly partitions: Readonly<Record<string, number>>
  readonly baseOffset: number
  readonly maxBytes: number
}): LogStore {
  const topics = new Map<string, readonly Partition[]>()
  for (const [topic, count] of Object.entries(options.partitions)) {
    topics.set(
      topic,
      Array.from({ length: count }, () => ({ start: options.baseOffset, records: [] })),
    )
  }
  /** By group and topic. */
  const commits = new Map<string, Map<number, Committed>>()
  let keptBytes = 0

  function find(topic: string, partition: number): Partition | undefined {
    return topics.get(topic)?.[partition]
  }

  function appendOne(record: LaneRecord, timestampMs: number): LaneOutcome {
    const partition = find(record.topic, record.partition)
    if (partition === undefined) {
      const what = `there is no partition ${record.partition} of topic ${record.topic}`
      return { ok: false, error: new LogError('LOG_NO_TOPIC', what) }
    }
    if (keptBytes + record.value.length > options.maxBytes) {
      return { ok: false, error: new LogError('LOG_FULL', `more than ${options.maxBytes} bytes wait to be read`) }
    }
    const offset = partition.start + partition.records.length
    partition.records.push({ offset, timestampMs, value: record.value })
    keptBytes += record.value.length + recordOverheadBytes
    return { ok: true, offset }
  }

  function trim(topic: string, partition: number, before: number): void {
    const found = find(topic, partition)
    if (found === undefined) return
    const count = Math.min(before - found.start, found.records.length)
    if (count <= 0) return
    for (const record of found.records.splice(0, count)) keptBytes -= record.value.length + recordOverheadBytes
    found.start += count
  }

  function commitsOf(group: string, topic: string): Map<number, Committed> {
    const key = JSON.stringify([group, topic])
    const found = commits.get(key) ?? new Map<number, Committed>()
    commits.set(key, found)
    return found
  }

  return {
    partitions: (topic) => topics.get(topic)?.length,
    append: (records, timestampMs) => Promise.resolve(records.map((record) => appendOne(record, timestampMs))),
    read: (topic, partition, from, maxRecords) => {
      const found = find(topic, partition)
      if (found === undefined) return []
      const first = Math.max(0, from - found.start)
      return found.records.slice(first, first + maxRecords)
    },
    trim,
    end: (topic, partition) => {
      const found = find(topic, partition)
      return found === undefined ? options.baseOffset : found.start + found.records.length
    },
    start: (topic, partition) => find(topic, partition)?.start ?? options.baseOffset,
    commit: (group, topic, partition, committed) => {
      commitsOf(group, topic).set(partition, committed)
    },
    committed: (group, topic) => commitsOf(group, topic),
  }
}
