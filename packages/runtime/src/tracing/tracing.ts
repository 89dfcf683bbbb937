import type { Input, LogBatch, Tracing } from '@starling/core'
import type { Envelope, InboxName } from '@starling/wire'

/** Who reads which inbox. */
export interface Hop {
  readonly stage: string
  readonly inbox: InboxName
}

/** The traced inputs of one batch, from its being read to its commit being due. */
export interface BatchSpans {
  /** The batch's inputs; what a traced one causes belongs to its span here. */
  readonly inputs: readonly Input[]
  /** What was done since the phase before has this name. */
  readonly phase: (name: 'work' | 'publish' | 'save') => void
  readonly end: (error?: unknown) => void
}

/** Tracing as the runtime uses it: a stanza's way through log and stages. */
export interface ProcessTracing extends Tracing {
  /** Begins the spans of a batch; undefined where none of its inputs is traced. Units: ms of the monotonic clock. */
  readonly batch: (hop: Hop, batch: LogBatch, inputs: readonly Input[], startedMs: number) => BatchSpans | undefined
  /** Notes that an envelope was read, and how long it was in the log. Units: ms since 1970. */
  readonly waited: (hop: Hop, envelope: Envelope, writtenMs: number) => void
  /** Notes how long the log took to hold an envelope. */
  readonly appending: <T>(envelope: Envelope, durable: Promise<T>) => Promise<T>
  /** Sends what waits. */
  readonly close: () => Promise<void>
}
