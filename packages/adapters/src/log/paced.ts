/** What pacing needs. */
export interface PacedOptions {
  /** Units: ms from one run to the next, at least; 0: at the end of the turn, always. */
  readonly intervalMs: number
  /** Units: ms. */
  readonly monotonic: () => number
}

/**
 * Makes a schedule for a lane: at the end of this turn after a quiet interval, else when the interval since the last run has passed.
 * So a lonely envelope waits for nothing, and when they come close together many ride in one request: a request costs some hundred
 * µs at client and broker, an envelope in it one.
 */
export function paced({ intervalMs, monotonic }: PacedOptions): (run: () => void) => void {
  let begunAt = Number.NEGATIVE_INFINITY
  return (run) => {
    const waitMs = begunAt + intervalMs - monotonic()
    const begin = (): void => {
      begunAt = monotonic()
      run()
    }
    if (waitMs > 0) setTimeout(begin, waitMs)
    else setImmediate(begin)
  }
}

/**
 * Makes the wait of a reader before it asks again, so that one request brings many records: over at once after a quiet interval, else
 * when the interval since the last has passed. While one waits, others pass.
 */
export function breather({ intervalMs, monotonic }: PacedOptions): () => Promise<void> {
  let endedAt = Number.NEGATIVE_INFINITY
  let isWaiting = false
  return async () => {
    if (isWaiting) return
    const waitMs = endedAt + intervalMs - monotonic()
    if (waitMs > 0) {
      isWaiting = true
      await new Promise((resolve) => setTimeout(resolve, waitMs))
      isWaiting = false
    }
    endedAt = monotonic()
  }
}
