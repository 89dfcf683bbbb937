import type { Committed, LogRecord } from '@starling/core'
import type { LaneOutcome, LaneRecord } from '../log/lane.ts'
import type { KafkaSecurity } from './security.ts'

/** One partition of one topic. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** What to commit for a partition. */
export interface Commit extends TopicPartition {
  /** Next offset to handle. */
  readonly offset: number
  readonly metadata: string
}

/** Where what a driver reads goes to. Order: records of one partition ascending; some may come again. */
export interface FeedSink {
  /**
   * The group gave this member these partitions and no others. A member keeps its name as long as the group never missed it.
   */
  readonly assigned: (memberId: string, partitions: readonly TopicPartition[]) => void
  readonly received: (topic: string, partition: number, records: readonly LogRecord[]) => void
  /** The feed has ended by itself and must be opened anew. */
  readonly lost: (error: unknown) => void
}

/** A running source of records: a member of a group, or a reader of one partition. */
export interface Feed {
  /** Commits under the generation in which the sink was last told of its partitions. Errors: rejects when fenced or away. */
  readonly commit: (commits: readonly Commit[]) => Promise<void>
  /** Says from where a partition of this member is wanted; a library that reads the commits itself knows. */
  readonly begin: (at: TopicPartition, offset: number) => void
  readonly pause: (at: TopicPartition) => void
  readonly resume: (at: TopicPartition) => void
  /** Leaves the group, if any. Errors: never. */
  readonly close: () => Promise<void>
}

/** First and next offset of a partition. */
export interface Bounds {
  readonly start: number
  readonly end: number
}

/**
 * What a Kafka client library does for the adapter; everything else is shared.
 * Errors: promises reject with the library's error while the brokers are away.
 */
export interface KafkaDriver {
  /** Appends one request of existing partitions, trying again for `timeoutMs`. Order: outcomes as the records. */
  readonly append: (records: readonly LaneRecord[], timestampMs: number) => Promise<readonly LaneOutcome[]>
  /** Partition count; undefined when the topic does not exist. */
  readonly partitions: (topic: string) => Promise<number | undefined>
  /** Bounds of every partition of an existing topic. */
  readonly bounds: (topic: string) => Promise<ReadonlyMap<number, Bounds>>
  /** What a group committed in an existing topic. */
  readonly committed: (group: string, topic: string) => Promise<ReadonlyMap<number, Committed>>
  /** Opens a member; what goes wrong is told to the sink. `held` tells what it holds when the group asks. */
  readonly openGroup: (group: GroupFeed, sink: FeedSink) => Feed
  /** Opens a reader of one partition at an offset that exists. */
  readonly openPartition: (at: TopicPartition, from: number, sink: FeedSink) => Feed
  /** Asks a broker anything. */
  readonly ping: () => Promise<void>
  /** Errors: never. */
  readonly close: () => Promise<void>
}

/** A member to be opened. */
export interface GroupFeed {
  readonly group: string
  readonly topics: readonly string[]
  readonly held: () => readonly TopicPartition[]
}

/** What both drivers are told. */
export interface DriverSettings {
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly security: KafkaSecurity
  /** Units: ms that append tries. */
  readonly produceTimeoutMs: number
  /** Units: ms one request may take before it is given up. */
  readonly requestTimeoutMs: number
  /** Units: ms until the group gives up a silent member. */
  readonly sessionTimeoutMs: number
  /** Units: ms between two signs of life to the group. */
  readonly heartbeatMs: number
  /** Units: ms a fetch waits at the broker for records. */
  readonly maxWaitMs: number
  /** Units: ms from one fetch of a broker to the next, at least; the first after a quiet time waits for nothing. */
  readonly fetchGatherMs: number
  /** Units: bytes of one fetch of one partition, about. */
  readonly maxFetchBytes: number
  readonly onEvent: OnEvent
}

/** Told what happened, for logs and metrics. Shape: `what` is a dotted name. */
export type OnEvent = (what: string, detail: Readonly<Record<string, unknown>>) => void

/** Key of a partition in maps. */
export function keyOf(at: TopicPartition): string {
  return `${at.topic}/${at.partition}`
}
