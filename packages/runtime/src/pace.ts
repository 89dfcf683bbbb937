/** Holds batches back so that what comes close together is worked on together. */
export interface Pace {
  /** Resolves when a batch may begin: at once after a quiet `intervalMs`, else with all others when that has passed. */
  readonly begin: () => Promise<void>
  /** Somebody waits for an answer now: what is held back begins, and so does all that comes within the next `intervalMs`. */
  readonly hurry: () => void
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
  let hurriedAt = Number.NEGATIVE_INFINITY
  let next: Promise<void> | undefined
  let go = (): void => {}
  return {
    begin: async () => {
      if (next !== undefined) return next
      const nowMs = monotonic()
      const waitMs = begunAt + intervalMs - nowMs
      if (waitMs <= 0 || nowMs < hurriedAt + intervalMs) {
        begunAt = nowMs
        return
      }
      next = new Promise((resolve) => {
        go = () => {
          go = () => {}
          next = undefined
          begunAt = monotonic()
          resolve()
        }
        const mine = go
        // One that was hurried has gone, and another may wait
        schedule(() => {
          if (go === mine) go()
        }, waitMs)
      })
      return next
    },
    hurry: () => {
      hurriedAt = monotonic()
      go()
    },
  }
}
