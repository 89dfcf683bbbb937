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
