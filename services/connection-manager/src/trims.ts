import type { Presence, QueuePlace } from '@starling/core'
import { limits } from './limits.ts'
import type { Later } from './pod.ts'

/** What trims are written with. */
export interface TrimPorts {
  readonly presence: Pick<Presence, 'trimQueues'>
  readonly later: Later
  /** A trim that found no place, or presence away: the next of its queue does its work. */
  readonly onLost: (count: number) => void
}

/**
 * Collects what clients acknowledged and tells presence now and then, all queues in one call.
 * Shape: the latest of each queue, at most `limits.waitingTrims`; more are forgotten, for the next of the queue says it too.
 */
export class Trims {
  readonly #ports: TrimPorts
  #waiting = new Map<string, QueuePlace>()
  #isWriting = false
  #cancel: (() => void) | undefined

  constructor(ports: TrimPorts) {
    this.#ports = ports
  }

  /** Queues that presence was not told of yet. */
  get count(): number {
    return this.#waiting.size
  }

  add(place: QueuePlace): void {
    // SM-IDs are unique over all accounts
    if (this.#waiting.size >= limits.waitingTrims && !this.#waiting.has(place.queue)) {
      this.#ports.onLost(1)
      return
    }
    this.#waiting.set(place.queue, place)
    this.#schedule()
  }

  /** Tells presence what waits. Errors: none; what could not be told is counted. */
  async flush(): Promise<void> {
    if (this.#isWriting || this.#waiting.size === 0) return
    const places = [...this.#waiting.values()]
    this.#waiting = new Map()
    this.#isWriting = true
    try {
      await this.#ports.presence.trimQueues(places)
    } catch {
      this.#ports.onLost(places.length)
    }
    this.#isWriting = false
    if (this.#waiting.size > 0) this.#schedule()
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #schedule(): void {
    if (this.#isWriting) return
    this.#cancel ??= this.#ports.later(limits.trimMs, () => {
      this.#cancel = undefined
      void this.flush()
    })
  }
}
