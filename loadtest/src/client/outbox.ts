/** A stanza that the server has not acknowledged; `number` is -1 for what is no numbered message. */
export interface Unacked {
  readonly text: string
  readonly number: number
  /** Units: ms. */
  readonly intendedAt: number
}

const modulus = 2 ** 32

/** Stanzas a client keeps until they are acknowledged; above it the connection ends: a server that never answers is no server. */
export const maxUnacked = 10_000

/** Counts and keeps what a client sent. Source: XEP-0198 §4: `h` counts modulo 2^32. */
export class Outbox {
  #kept: Unacked[] = []
  #base = 0

  get length(): number {
    return this.#kept.length
  }

  push(stanza: Unacked): void {
    this.#kept.push(stanza)
  }

  /** The server has handled all up to `h`; returns those that are done with. Errors: undefined when it counts more than was sent. */
  acked(h: number): readonly Unacked[] | undefined {
    const count = (h - this.#base + modulus) % modulus
    if (count > this.#kept.length) return undefined
    this.#base = h % modulus
    return this.#kept.splice(0, count)
  }

  /** What is not acknowledged, to send again after resuming. */
  unacked(): readonly Unacked[] {
    return this.#kept
  }

  /** A new session: the count begins at 0; returns what nobody will ever acknowledge. */
  forget(): readonly Unacked[] {
    const left = this.#kept
    this.#kept = []
    this.#base = 0
    return left
  }
}
