import type { Later } from './pod.ts'

/** A connection that has something unacknowledged. */
export interface Requester {
  /** Asks for an acknowledgement if one is still to be asked for. */
  readonly requestAck: () => void
}

/**
 * Asks for acknowledgements a while after something was written, for all connections of a pod with one timer.
 * Shape: at most one entry a connection, in the order of their turns; no timer when nobody waits.
 */
export class AckRequests {
  readonly #waiting = new Map<Requester, number>()
  readonly #afterMs: number
  readonly #later: Later
  readonly #monotonic: () => number
  #cancel: (() => void) | undefined

  /** Units: ms; `afterMs` 0: nobody is asked by time. */
  constructor(afterMs: number, { later, monotonic }: { readonly later: Later; readonly monotonic: () => number }) {
    this.#afterMs = afterMs
    this.#later = later
    this.#monotonic = monotonic
  }

  get count(): number {
    return this.#waiting.size
  }

  /** Order: all wait equally long, so the first that came is the first whose time is over. */
  add(one: Requester): void {
    if (this.#afterMs === 0 || this.#waiting.has(one)) return
    this.#waiting.set(one, this.#monotonic() + this.#afterMs)
    this.#cancel ??= this.#later(this.#afterMs, this.#look)
  }

  remove(one: Requester): void {
    this.#waiting.delete(one)
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#waiting.clear()
  }

  readonly #look = (): void => {
    this.#cancel = undefined
    const nowMs = this.#monotonic()
    for (const [one, dueMs] of this.#waiting) {
      if (dueMs > nowMs) {
        this.#cancel ??= this.#later(Math.max(1, dueMs - nowMs), this.#look)
        return
      }
      this.#waiting.delete(one)
      one.requestAck()
    }
  }
}
