import type { Later } from './pod.ts'
import { TokenBucket } from './token-bucket.ts'

/** Something that waits for its turn. */
export interface Waiter {
  readonly run: () => void
  /** Nobody wants it any more: it takes no turn. */
  readonly isGone: () => boolean
}

/** How fast turns are given, and how many may wait. */
export interface Pace {
  /** 0: everybody at once. Units: turns. */
  readonly perSecond: number
  readonly maxWaiting: number
  readonly later: Later
  readonly monotonic: () => number
}

const turnMs = 20

/**
 * Lets things happen at a pace: at once while that allows it, else later, in the order they came.
 * Shape: at most `maxWaiting` wait; above, one is refused. One timer, and none when nobody waits.
 */
export class Turns {
  readonly #pace: Pace
  readonly #rate: TokenBucket
  #waiting: Waiter[] = []
  #cancel: (() => void) | undefined

  constructor(pace: Pace) {
    this.#pace = pace
    this.#rate = new TokenBucket(pace.perSecond, pace.monotonic())
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Runs it, now or later; false when too many wait already: then never. */
  take(waiter: Waiter): boolean {
    if (this.#waiting.length === 0 && this.#rate.tryTake(this.#pace.monotonic())) {
      waiter.run()
      return true
    }
    if (this.#waiting.length >= this.#pace.maxWaiting) {
      // Those who gave up make room
      this.#waiting = this.#waiting.filter((one) => !one.isGone())
      if (this.#waiting.length >= this.#pace.maxWaiting) return false
    }
    this.#waiting.push(waiter)
    this.#schedule()
    return true
  }

  /** Nobody gets a turn any more. */
  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#waiting = []
  }

  #schedule(): void {
    this.#cancel ??= this.#pace.later(turnMs, () => {
      this.#cancel = undefined
      this.#turn()
      if (this.#waiting.length > 0) this.#schedule()
    })
  }

  #turn(): void {
    const nowMs = this.#pace.monotonic()
    let done = 0
    for (const one of this.#waiting) {
      if (!one.isGone()) {
        if (!this.#rate.tryTake(nowMs)) break
        one.run()
      }
      done++
    }
    this.#waiting.splice(0, done)
  }
}
