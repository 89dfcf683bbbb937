import type { Counts } from './messages.ts'

/** Different reasons of failures that are told apart; further ones count together. */
const maxReasons = 50

/** Counts what happens in a worker. Units: events. */
export class Tally {
  /** Stanzas received, of any kind. */
  stanzas = 0
  readonly #counts = new Map<string, number>()
  readonly #failures = new Map<string, number>()

  add(name: string, count = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count)
  }

  /** A failure, by its reason. */
  fail(reason: string): void {
    const key = this.#failures.has(reason) || this.#failures.size < maxReasons ? reason : 'other reasons'
    this.#failures.set(key, (this.#failures.get(key) ?? 0) + 1)
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0
  }

  counts(): Counts {
    return { ...Object.fromEntries(this.#counts), stanzas: this.stanzas }
  }

  failures(): Counts {
    return Object.fromEntries(this.#failures)
  }
}
