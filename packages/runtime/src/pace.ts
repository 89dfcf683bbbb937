/** Holds batches back so that what comes close together is worked on together. */
export interface Pace {
  /** Resolves when a batch may begin: at once after a quiet `intervalMs`, else with all others when that has passed. */
  readonly begin: () => Promise<void>
}

/** What a pace needs. */
export interface PaceOptions {
  /** Units: ms from one beginning to the next, at least. */
  readonly intervalMs: number
  /** Units: ms. */
  readonly monotonic: () => number
  readonly schedule: (run: () => void, delayMs: number) => void
}

/** Makes a pace. Order: those who wait begin in the order they asked. */
export function createPace({ intervalMs, monotonic, schedule }: PaceOptions): Pace {
  let begunAt = Number.NEGATIVE_INFINITY
  let next: Promise<void> | undefined
  return {
    begin: async () => {
      if (next !== undefined) return next
      const waitMs = begunAt + intervalMs - monotonic()
      if (waitMs <= 0) {
        begunAt = monotonic()
        return
      }
      next = new Promise((resolve) => {
        schedule(() => {
          next = undefined
          begunAt = monotonic()
          resolve()
        }, waitMs)
      })
      return next
    },
  }
}
