import type { Later } from './pod.ts'

/** Something that is not read for a while, and can be asked whether it may be read again. */
export interface Pausable {
  /** Reads on if what it waited for has come; says whether it did. */
  readonly tryResume: (nowMs: number) => boolean
}

const pollMs = 50

/**
 * Connections that wait for something nobody announces: a rate to be paid, the log to come back.
 * Shape: at most one entry a connection; one timer for all, and none when nobody waits.
 */
export class Pauses {
  readonly #waiting = new Set<Pausable>()
  readonly #later: Later
  readonly #monotonic: () => number
  #cancel: (() => void) | undefined

  constructor(later: Later, monotonic: () => number) {
    this.#later = later
    this.#monotonic = monotonic
  }

  get count(): number {
    return this.#waiting.size
  }

  add(one: Pausable): void {
    this.#waiting.add(one)
    this.#cancel ??= this.#later(pollMs, this.#poll)
  }

  remove(one: Pausable): void {
    this.#waiting.delete(one)
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#waiting.clear()
  }

  readonly #poll = (): void => {
    this.#cancel = undefined
    const nowMs = this.#monotonic()
    for (const one of [...this.#waiting]) if (one.tryResume(nowMs)) this.#waiting.delete(one)
    if (this.#waiting.size > 0) this.#cancel ??= this.#later(pollMs, this.#poll)
  }
}
