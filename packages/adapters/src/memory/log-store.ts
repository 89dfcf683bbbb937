import type { Committed, LogRecord } from '@starling/core'
import { LogError } from '@starling/core'
import type { LaneOutcome, LaneRecord } from '../log/lane.ts'

/** What the memory log keeps; a durable store fulfils the same to survive a restart. */
export interface LogStore {
  /** Partition count; undefined for a topic that does not exist. */
  readonly partitions: (topic: string) => number | undefined
  /**
   * Appends a request, record by record; it is durable, and can be read, when this resolves.
   * Errors: LOG_FULL, LOG_NO_TOPIC, LOG_FAILED as outcomes. Order: outcomes as the records; one call at a time.
   */
  readonly append: (records: readonly LaneRecord[], timestampMs: number) => Promise<readonly LaneOutcome[]>
  /** Records from `from` on, or from the oldest kept when that is gone. */
  readonly read: (topic: string, partition: number, from: number, maxRecords: number) => readonly LogRecord[]
  /** Drops the records below `before`. */
  readonly trim: (topic: string, partition: number, before: number) => void
  /** Offset after the newest record there ever was; the next one's is that or, after a restart or a failure, above it. */
  readonly end: (topic: string, partition: number) => number
  readonly start: (topic: string, partition: number) => number
  readonly commit: (group: string, topic: string, partition: number, committed: Committed) => void
  readonly committed: (group: string, topic: string) => ReadonlyMap<number, Committed>
  /** Whether appending works. */
  readonly isUp: () => boolean
  /** Waits until what was committed and trimmed is kept as well. */
  readonly close: () => Promise<void>
}

/** A record and where it goes. */
export interface PlacedRecord {
  readonly topic: string
  readonly partition: number
  readonly record: LogRecord
}

/** The store in memory, and the two halves of its append for one that makes records durable in between. */
export interface MemoryLogStore extends LogStore {
  /** Gives records their offsets, which are used up even if nothing comes of them. */
  readonly place: (
    records: readonly LaneRecord[],
    timestampMs: number,
  ) => readonly ((LaneOutcome & { readonly ok: false }) | (PlacedRecord & { readonly ok: true }))[]
  /** Keeps a placed record. Order: ascending in a partition. */
  readonly insert: (placed: PlacedRecord) => void
  /** Drops the records below `before`; returns them. */
  readonly trim: (topic: string, partition: number, before: number) => readonly LogRecord[]
  /** Says what an earlier process had dropped of a partition, and where it ended. Order: before its records are inserted. */
  readonly begin: (topic: string, partition: number, was: { readonly start: number; readonly end: number }) => void
}

/** Bytes a kept record costs beside its value. Units: bytes, about. */
const recordOverheadBytes = 120

interface Partition {
  /** What is below is gone. */
  start: number
  /** Offset after the newest record. */
  end: number
  /** Offset that the next record gets. */
  next: number
  /** Ascending; offsets that were used up for nothing are missing. */
  records: LogRecord[]
}

/** A store in this process's memory: it ends with the process. Errors: LOG_FULL once `maxBytes` of records are kept. */
export function memoryLogStore(options: {
  readonly partitions: Readonly<Record<string, number>>
  readonly baseOffset: number
  readonly maxBytes: number
}): MemoryLogStore {
  const topics = new Map<string, readonly Partition[]>()
  for (const [topic, count] of Object.entries(options.partitions)) {
    topics.set(
      topic,
      Array.from({ length: count }, () => ({
        start: options.baseOffset,
        end: options.baseOffset,
        next: options.baseOffset,
        records: [],
      })),
    )
  }
  /** By group and topic. */
  const commits = new Map<string, Map<number, Committed>>()
  let keptBytes = 0

  function find(topic: string, partition: number): Partition | undefined {
    return topics.get(topic)?.[partition]
  }

  const place: MemoryLogStore['place'] = (records, timestampMs) => {
    let bytes = keptBytes
    return records.map(({ topic, partition, value }) => {
      const found = find(topic, partition)
      if (found === undefined) {
        const what = `there is no partition ${partition} of topic ${topic}`
        return { ok: false, error: new LogError('LOG_NO_TOPIC', what) }
      }
      if (bytes + value.length > options.maxBytes) {
        return { ok: false, error: new LogError('LOG_FULL', `more than ${options.maxBytes} bytes wait to be read`) }
      }
      bytes += value.length + recordOverheadBytes
      return { ok: true, topic, partition, record: { offset: found.next++, timestampMs, value } }
    })
  }

  function insert({ topic, partition, record }: PlacedRecord): void {
    const found = find(topic, partition)
    if (found === undefined) return
    found.records.push(record)
    found.end = Math.max(found.end, record.offset + 1)
    found.next = Math.max(found.next, found.end)
    keptBytes += record.value.length + recordOverheadBytes
  }

  const append: LogStore['append'] = (records, timestampMs) => {
    const placed = place(records, timestampMs)
    for (const one of placed) if (one.ok) insert(one)
    return Promise.resolve(placed.map((one) => (one.ok ? { ok: true, offset: one.record.offset } : one)))
  }

  function trim(topic: string, partition: number, before: number): readonly LogRecord[] {
    const found = find(topic, partition)
    if (found === undefined || before <= found.start) return []
    const dropped = found.records.splice(0, placeOf(found.records, before))
    for (const record of dropped) keptBytes -= record.value.length + recordOverheadBytes
    found.start = Math.min(before, found.end)
    return dropped
  }

  function commitsOf(group: string, topic: string): Map<number, Committed> {
    const key = JSON.stringify([group, topic])
    const found = commits.get(key) ?? new Map<number, Committed>()
    commits.set(key, found)
    return found
  }

  return {
    partitions: (topic) => topics.get(topic)?.length,
    append,
    place,
    insert,
    begin: (topic, partition, { start, end }) => {
      const found = find(topic, partition)
      if (found === undefined) return
      found.start = start
      found.end = end
      found.next = Math.max(end, options.baseOffset)
    },
    read: (topic, partition, from, maxRecords) => {
      const records = find(topic, partition)?.records ?? []
      const first = placeOf(records, from)
      return records.slice(first, first + maxRecords)
    },
    trim,
    end: (topic, partition) => find(topic, partition)?.end ?? options.baseOffset,
    start: (topic, partition) => find(topic, partition)?.start ?? options.baseOffset,
    commit: (group, topic, partition, committed) => {
      commitsOf(group, topic).set(partition, committed)
    },
    committed: (group, topic) => commitsOf(group, topic),
    isUp: () => true,
    close: () => Promise.resolve(),
  }
}

/** Index of the first record that is not below an offset. */
function placeOf(records: readonly LogRecord[], offset: number): number {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((records[middle]?.offset ?? 0) < offset) low = middle + 1
    else high = middle
  }
  return low
}
