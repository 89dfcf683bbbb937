import type { Envelope } from '@starling/wire'

/** A log event: `what` names it, the rest says more. No message bodies, no secrets. */
export interface LogEvent {
  readonly what: string
  readonly [field: string]: unknown
}

/** Structured log. */
export interface Logger {
  readonly debug: (event: LogEvent) => void
  readonly info: (event: LogEvent) => void
  readonly warn: (event: LogEvent) => void
  readonly error: (event: LogEvent) => void
}

/** Labels of a metric; never a JID. */
export type Labels = Readonly<Record<string, string>>

/** Metrics, declared where they are used, names with a unit suffix; the runtime exposes them to Prometheus. */
export interface Metrics {
  readonly counter: (
    name: string,
    help: string,
    labels?: readonly string[],
  ) => { readonly add: (by?: number, labels?: Labels) => void }
  readonly gauge: (
    name: string,
    help: string,
    labels?: readonly string[],
  ) => { readonly set: (value: number, labels?: Labels) => void }
  /** Read when scraped. */
  readonly observed: (name: string, help: string, read: () => number) => void
  readonly histogram: (
    name: string,
    help: string,
    buckets: readonly number[],
    labels?: readonly string[],
  ) => { readonly observe: (value: number, labels?: Labels) => void }
}

/**
 * Spans of the stanzas that are sampled; a stage has it only where tracing is on, so that without it a stanza costs one look.
 * No attribute names a person or holds what was said.
 */
export interface Tracing {
  /** Begins the trace of a stanza whose last bytes were read at `readMs`, if it is to be sampled. Units: ms of the monotonic clock. */
  readonly received: <E extends Envelope>(envelope: E, readMs: number) => E
  /** Begins to write what a traced envelope brought to a socket; what is returned ends it. */
  readonly writing: (envelope: Envelope) => (() => void) | undefined
}
