import { type Committed, LogError } from '@starling/core'
import { type LogStore, type MemoryLogStore, memoryLogStore, type PlacedRecord } from '../memory/log-store.ts'
import { ByteReader } from './byte-reader.ts'
import type { Encode } from './byte-writer.ts'
import type { Journal } from './journal.ts'

/** What a durable store is told. */
export interface DurableLogStoreOptions {
  readonly journal: Journal
  readonly partitions: Readonly<Record<string, number>>
  /** Not below any offset of earlier starts, whatever became of the journal since. */
  readonly baseOffset: number
  /** Units: bytes of records kept for their groups. */
  readonly maxBytes: number
  /** Topics whose records concern nobody after this process: they are in memory only. */
  readonly passing: ReadonlySet<string>
  /** Told when the store is not needed any more. */
  readonly onClose: () => Promise<void>
}

/**
 * The store in memory, with every record, commit and trim in the journal as well.
 * Records can be read once they are durable; commits and trims follow soon after: one that a kill takes is a replay (R2, R3).
 * Errors: LOG_FAILED as outcome when the journal cannot be written; those records are nowhere then.
 */
export function durableLogStore(options: DurableLogStoreOptions): LogStore {
  const { journal, passing, onClose } = options
  const memory = memoryLogStore(options)
  const putTrim = (topic: string, partition: number): void =>
    journal.put(`${trims}${topic} ${partition}`, encodeTrim(memory, topic, partition))

  const append: LogStore['append'] = async (records, timestampMs) => {
    const placed = memory.place(records, timestampMs)
    const durable = placed.filter((one) => one.ok).filter(({ topic }) => !passing.has(topic))
    let failure: LogError | undefined
    if (durable.length > 0) {
      for (const one of durable) journal.put(recordKey(one.topic, one.partition, one.record.offset), encodeRecord(one))
      try {
        await journal.commit()
      } catch (error) {
        failure = new LogError('LOG_FAILED', 'the journal of the log cannot be written', error)
        for (const one of durable) journal.drop(recordKey(one.topic, one.partition, one.record.offset))
      }
    }
    return placed.map((one) => {
      if (!one.ok) return one
      if (failure !== undefined && !passing.has(one.topic)) return { ok: false, error: failure }
      memory.insert(one)
      return { ok: true, offset: one.record.offset }
    })
  }

  load(options, memory)
  return {
    ...memory,
    append,
    trim: (topic, partition, before) => {
      const dropped = memory.trim(topic, partition, before)
      if (dropped.length === 0 || passing.has(topic)) return
      // What the trim says is below it needs no row of its own to be forgotten
      for (const { offset } of dropped) journal.forget(recordKey(topic, partition, offset))
      putTrim(topic, partition)
    },
    commit: (group, topic, partition, committed) => {
      memory.commit(group, topic, partition, committed)
      if (!passing.has(topic)) journal.put(`${commits}${topic} ${partition} ${group}`, encodeCommit(committed))
    },
    isUp: () => journal.isUp(),
    close: onClose,
  }
}

const records = 'record '
const trims = 'trim '
const commits = 'commit '

function recordKey(topic: string, partition: number, offset: number): string {
  return `${records}${topic} ${partition} ${offset}`
}

function encodeRecord({ record }: PlacedRecord): Encode {
  return (writer) => {
    writer.count(record.timestampMs)
    writer.raw(record.value)
  }
}

function encodeTrim(memory: MemoryLogStore, topic: string, partition: number): Encode {
  return (writer) => {
    writer.count(memory.start(topic, partition))
    writer.count(memory.end(topic, partition))
  }
}

function encodeCommit({ offset, metadata }: Committed): Encode {
  return (writer) => {
    writer.count(offset)
    writer.text(metadata)
  }
}

/** Whether the journal holds records of a topic that are not trimmed. Order: before the store takes them over. */
export function hasRecords(journal: Journal, topic: string): boolean {
  const starts = loadedStarts(journal)
  for (const [key] of journal.loaded(`${records}${topic} `)) {
    const [, , partition, offset] = key.split(' ')
    if (Number(offset) >= (starts.get(`${topic} ${partition}`) ?? 0)) return true
  }
  return false
}

/** What is below was trimmed, by topic and partition. */
function loadedStarts(journal: Journal): ReadonlyMap<string, number> {
  const starts = new Map<string, number>()
  for (const [key, value] of journal.loaded(trims)) starts.set(key.slice(trims.length), new ByteReader(value).count())
  return starts
}

/** Takes over what the journal holds. Errors: throws when there are records of a partition that does not exist any more. */
function load({ journal, partitions }: DurableLogStoreOptions, memory: MemoryLogStore): void {
  const begun = new Set<string>()
  const starts = loadedStarts(journal)
  for (const [key, value] of journal.loaded(trims)) {
    const [, topic = '', partition] = key.split(' ')
    // Of a time with more partitions, of which nothing is left
    if (Number(partition) >= (partitions[topic] ?? 0)) continue
    const reader = new ByteReader(value)
    const start = reader.count()
    memory.begin(topic, Number(partition), { start, end: reader.count() })
    begun.add(`${topic} ${partition}`)
    journal.adopt(key, encodeTrim(memory, topic, Number(partition)))
  }
  const kept = [...journal.loaded(records)].map(([key, value]) => {
    const [, topic = '', partition, offset] = key.split(' ')
    const reader = new ByteReader(value)
    const timestampMs = reader.count()
    const record = { offset: Number(offset), timestampMs, value: reader.rest() }
    return { topic, partition: Number(partition), record }
  })
  for (const one of kept.sort((a, b) => a.record.offset - b.record.offset)) {
    const { topic, partition, record } = one
    if (record.offset < (starts.get(`${topic} ${partition}`) ?? 0)) continue
    if (partition >= (partitions[topic] ?? 0)) {
      throw new Error(`the journal of the log holds records of partition ${partition} of ${topic}, which is not there`)
    }
    // Nothing was dropped of it yet: it begins with the first record
    if (!begun.has(`${topic} ${partition}`)) {
      memory.begin(topic, partition, { start: record.offset, end: record.offset })
      begun.add(`${topic} ${partition}`)
    }
    memory.insert(one)
    journal.adopt(recordKey(topic, partition, record.offset), encodeRecord(one))
  }
  for (const [key, value] of journal.loaded(commits)) {
    const [, topic = '', partition, ...group] = key.split(' ')
    if (Number(partition) >= (partitions[topic] ?? 0)) continue
    const reader = new ByteReader(value)
    const committed = { offset: reader.count(), metadata: reader.text() }
    memory.commit(group.join(' '), topic, Number(partition), committed)
    journal.adopt(key, encodeCommit(committed))
  }
}
