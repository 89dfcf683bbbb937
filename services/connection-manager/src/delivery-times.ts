import type { Metrics } from '@starling/core'

/** Units: s. Fine where a chat is felt to be quick, coarse where it is not. */
const buckets = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300]

/** What measuring deliveries is told. */
export interface DeliveryTimesOptions {
  readonly metrics: Metrics
  /** Units: ms since 1970. */
  readonly clock: () => number
  /** Runs something once what was queued in this tick is written. */
  readonly afterFlush: (run: () => void) => void
}

/**
 * How long stanzas are on their way: from the moment that the stanza which began it all was read from its client, by the stamp of the
 * envelope, to this pod writing to a socket. Clocks of two machines are compared, so it is as good as they agree; what would be
 * negative counts as 0. What waited to be had (offline, archived, unacknowledged) has no stamp and is left out.
 * Units: the list is as long as one tick has deliveries.
 */
export class DeliveryTimes {
  readonly #options: DeliveryTimesOptions
  readonly #seconds: ReturnType<Metrics['histogram']>
  /** Stamps of what this tick writes. */
  #stamps: number[] = []
  readonly #written = (): void => {
    const stamps = this.#stamps
    this.#stamps = []
    const nowMs = this.#options.clock()
    for (const atMs of stamps) this.#seconds.observe(Math.max(0, nowMs - atMs) / 1000)
  }

  constructor(options: DeliveryTimesOptions) {
    this.#options = options
    this.#seconds = options.metrics.histogram(
      'starling_delivery_seconds',
      'Time from a stanza being read from its client to what it brought being written to a socket',
      buckets,
    )
  }

  /** Something was queued for a socket in this tick. Units: ms since 1970; 0 is without a stamp. */
  add(atMs: number): void {
    if (atMs === 0) return
    if (this.#stamps.length === 0) this.#options.afterFlush(this.#written)
    this.#stamps.push(atMs)
  }
}
