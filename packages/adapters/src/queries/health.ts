import type { StorageEvent } from './storage-event.ts'

// Units: ms between two questions whether a database that is away has come back.
const probePauseMs = 1000

/** What a health record needs from outside. */
export interface HealthOptions {
  readonly onEvent: (event: StorageEvent) => void
  /** Asks the database something small; the outcome is reported by the asking itself. */
  readonly probe: () => Promise<unknown>
}

/** Whether the database answers: the outcome of the last call; while it is away it is asked again and again. */
export class Health {
  readonly #options: HealthOptions
  #isUp = false
  #isClosed = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: HealthOptions) {
    this.#options = options
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** A call went well. */
  up(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (!this.#isUp && !this.#isClosed) this.#options.onEvent({ what: 'storage.up' })
    this.#isUp = !this.#isClosed
  }

  /** The database is away; asks it again after a pause. */
  down(reason: string): void {
    if (this.#isUp) this.#options.onEvent({ what: 'storage.down', reason })
    this.#isUp = false
    this.#ask(probePauseMs)
  }

  /** Asks now, without waiting for a call: what a new storage does. */
  start(): void {
    this.#ask(0)
  }

  close(): void {
    this.#isClosed = true
    this.#isUp = false
    clearTimeout(this.#timer)
  }

  #ask(pauseMs: number): void {
    if (this.#isClosed || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#options.probe().catch(() => undefined)
    }, pauseMs).unref()
  }
}
