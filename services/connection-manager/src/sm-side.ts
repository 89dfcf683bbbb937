import type { Cause } from '@starling/wire'
import { fromH, toH } from './sm-counts.ts'

/** Where a side's counts begin. */
export interface SmStart {
  /** Ordinal of the client's last stanza before the one that `h` counts as 1; may lie below zero after a resumption. */
  readonly base: number
  /** Ordinal of the client's last stanza that is durable. */
  readonly durable: number
  /** Ordinal of the last delivery that the client has. */
  readonly acked: number
  /** Deliveries beyond the limit that are forgiven: what waited for a resumption. */
  readonly slack: number
}

/**
 * Both counts of one stream: what the client sent and is durable, what was written and is acknowledged. Exists only where
 * stream management does. Source: XEP-0198 §4; R1, R4.
 */
export class SmSide {
  readonly #base: number
  #durable: number
  /** Durable before one below them was. */
  #early: Set<number> | undefined
  /** Ordinals behind which the client asked for an acknowledgement it has not got. */
  #owed: number[] | undefined
  #acked: number
  #written: number
  #slack: number
  /** What caused the last delivery written; none before the first. */
  #last: Cause | undefined
  /** The SM-ID once it is on, '' before. */
  id = ''
  /** Units: s that the session is kept after its connection; 0: not at all. */
  maxSeconds = 0
  /** When the acknowledgement was asked for that is awaited; 0: none is. Units: ms on the monotonic clock. */
  requestedMs = 0
  /** It waits for its turn to ask. */
  isDue = false

  constructor({ base, durable, acked, slack }: SmStart) {
    this.#base = base
    this.#durable = durable
    this.#acked = acked
    this.#written = acked
    this.#slack = slack
  }

  get isOn(): boolean {
    return this.id !== ''
  }

  /** What an `<a/>` says now. */
  get h(): number {
    return toH(this.#durable - this.#base)
  }

  /** The client's count as it should be, for one that claims another. */
  get sentH(): number {
    return toH(this.#written)
  }

  /** Where both counts stand, as others are told (R11). */
  get counts(): { readonly base: number; readonly written: number; readonly acked: number } {
    return { base: this.#base, written: this.#written, acked: this.#acked }
  }

  get acked(): number {
    return this.#acked
  }

  /** Units: deliveries. */
  get unacked(): number {
    return this.#written - this.#acked
  }

  /** The client asks for an acknowledgement of everything up to `ordinal`; says whether it may have it at once. */
  ask(ordinal: number): boolean {
    if (this.isOn && this.#durable >= ordinal) return true
    this.#owed ??= []
    // One answers all that were asked behind the same stanza: so there are never more than stanzas in flight
    if (this.#owed.at(-1) !== ordinal) this.#owed.push(ordinal)
    return false
  }

  /** A stanza of the client is durable. */
  settle(ordinal: number): void {
    if (ordinal !== this.#durable + 1) {
      this.#early ??= new Set()
      this.#early.add(ordinal)
      return
    }
    this.#durable = ordinal
    while (this.#early?.delete(this.#durable + 1) === true) this.#durable++
  }

  /** Whether an acknowledgement that is owed may be given now; it counts as given then. */
  takeOwed(): boolean {
    if (this.#owed === undefined || !this.isOn) return false
    const count = this.#owed.findIndex((ordinal) => ordinal > this.#durable)
    if (count === 0) return false
    // One `h` says as much as several
    if (count < 0) this.#owed = undefined
    else this.#owed.splice(0, count)
    return true
  }

  /**
   * Whether a delivery is the next one, was written already, or is one too far (R4). `other`: its number is one that was written, and
   * it is not what was written then, as causes only rise: who numbers has forgotten some (R11).
   */
  place(ordinal: number, cause?: Cause): 'next' | 'known' | 'other' | 'gap' {
    if (ordinal <= this.#written) return isAbove(cause, this.#last) ? 'other' : 'known'
    if (ordinal > this.#written + 1) return 'gap'
    this.#written = ordinal
    this.#last = cause
    return 'next'
  }

  /** Whether more is unacknowledged than `maxStanzas`. */
  isOver(maxStanzas: number): boolean {
    return this.unacked > maxStanzas + this.#slack
  }

  /** The client acknowledged; says whether it has more than before, or claims to have what was never written. */
  handled(h: number): 'more' | 'same' | 'tooHigh' {
    const acked = fromH(h, { acked: this.#acked, written: this.#written })
    if (acked === undefined) return 'tooHigh'
    this.requestedMs = 0
    if (acked === this.#acked) return 'same'
    this.#slack = Math.max(0, this.#slack - (acked - this.#acked))
    this.#acked = acked
    return 'more'
  }
}

/** All deliveries of a session are caused in one partition of routing's inbox; what has another source is not compared. */
function isAbove(cause: Cause | undefined, last: Cause | undefined): boolean {
  if (cause === undefined || last === undefined) return false
  if (cause.inbox !== last.inbox || cause.partition !== last.partition) return false
  return cause.offset > last.offset || (cause.offset === last.offset && cause.index > last.index)
}
