/**
 * A rate with a burst of one second: what is charged beyond it is owed, and the owner waits until it is paid.
 * Units: tokens a second, ms on a clock that never goes back.
 */
export class TokenBucket {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #atMs: number

  constructor(perSecond: number, nowMs: number, burst = perSecond) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
    this.#atMs = nowMs
  }

  /** Takes tokens, below zero if need be; says whether the owner may go on. A rate of 0 is no limit. */
  charge(tokens: number, nowMs: number): boolean {
    if (this.#perSecond === 0) return true
    this.#refill(nowMs)
    this.#tokens -= tokens
    return this.#tokens >= 0
  }

  /** Whether nothing is owed. */
  isPaid(nowMs: number): boolean {
    if (this.#perSecond === 0) return true
    this.#refill(nowMs)
    return this.#tokens >= 0
  }

  /** Takes one token if there is a whole one. */
  tryTake(nowMs: number): boolean {
    if (this.#perSecond === 0) return true
    this.#refill(nowMs)
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }

  #refill(nowMs: number): void {
    const passedMs = nowMs - this.#atMs
    if (passedMs <= 0) return
    this.#atMs = nowMs
    this.#tokens = Math.min(this.#burst, this.#tokens + (passedMs * this.#perSecond) / 1000)
  }
}
