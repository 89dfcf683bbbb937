/** One record of the log: many envelopes packed under one value. */
export interface LogRecord {
  readonly offset: number
  /** Units: ms since 1970, given by the producer; a column, never an order (R9). */
  readonly timestampMs: number
  readonly value: Uint8Array
}

/** Records of one partition, ascending and without gaps the log did not have itself. */
export interface LogBatch {
  readonly topic: string
  readonly partition: number
  readonly records: readonly LogRecord[]
}

/** What was committed for a partition: the next offset to handle and what the committer wrote beside it (R3). */
export interface Committed {
  readonly offset: number
  readonly metadata: string
}

/** A member of a consumer group, and what it does with what it is given. */
export interface GroupOptions {
  readonly group: string
  readonly topics: readonly string[]
  /** Called before the first batch of a partition; `committed` is undefined where the group never committed. */
  readonly onAssigned: (topic: string, partition: number, committed: Committed | undefined) => void
  /** Called when the partition went elsewhere; a batch still at work may end, its commit is then refused or ignored. */
  readonly onRevoked: (topic: string, partition: number) => void
  /**
   * Handles one batch; resolves with the metadata to commit beside the offset after its last record.
   * Order: one call at a time a partition, partitions side by side.
   * Errors: a rejection means nothing of the batch is committed; it is handed over again after a pause.
   */
  readonly handle: (batch: LogBatch) => Promise<string>
  /** Units: records handed over at once, at most. */
  readonly maxBatchRecords?: number
}

/** Something that reads the log until it is closed. */
export interface LogReader {
  /** Stops after the batch at work, commits what was handled, leaves the group. */
  readonly close: () => Promise<void>
}

/** The end of one produce: where its first record stands. */
export interface Produced {
  readonly offset: number
}

/** Health of the connection to the log, as readiness and back-pressure want it. */
export interface LogHealth {
  readonly isUp: boolean
  /** Units: bytes handed to produce and not yet acknowledged. */
  readonly pendingBytes: number
}

/**
 * The log: topics of ordered partitions, at least once, durable when produce resolves (R1, R2).
 * Topics are made by a deploy step, never here.
 */
export interface Log {
  /** Partition count of a topic. Errors: rejects with code LOG_NO_TOPIC when it does not exist. */
  readonly partitions: (topic: string) => Promise<number>
  /**
   * Appends envelopes to one partition; resolves when all in-sync replicas hold them.
   * Order: envelopes of one (topic, partition) stand in the log in the order of the calls; one request is in flight, what
   * arrives meanwhile rides in the next, packed into one record a partition (up to `maxRecordBytes`).
   * Errors: rejects with code LOG_FULL at once when more than `maxPendingBytes` wait, LOG_FAILED when the log refused or
   * stayed away longer than `produceTimeoutMs` (then whether the envelopes landed is unknown).
   */
  readonly produce: (topic: string, partition: number, envelopes: readonly Uint8Array[]) => Promise<Produced>
  /** Joins a consumer group. Errors: retries for ever inside; what it cannot mend shows in `health`. */
  readonly consume: (options: GroupOptions) => Promise<LogReader>
  /** Reads one partition without a group, from `from` on (a pod's slot, R7). Order: one `handle` at a time. */
  readonly read: (
    topic: string,
    partition: number,
    options: { readonly from: number; readonly handle: (batch: LogBatch) => Promise<void> },
  ) => Promise<LogReader>
  /** What a group committed, for drains, tests and lag. */
  readonly committed: (group: string, topic: string) => Promise<ReadonlyMap<number, Committed>>
  /** Next offset to be written of every partition (the watchdog compares it with the position). */
  readonly ends: (topic: string) => Promise<ReadonlyMap<number, number>>
  readonly health: () => LogHealth
  /** Waits for what was produced, closes readers and connections. */
  readonly close: () => Promise<void>
}

/** Names of the log's failures. */
export type LogErrorCode = 'LOG_NO_TOPIC' | 'LOG_FULL' | 'LOG_FAILED' | 'LOG_CLOSED'

/** A failure of the log: broken infrastructure, not something a client did. */
export class LogError extends Error {
  override readonly name = 'LogError'
  readonly code: LogErrorCode
  constructor(code: LogErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
