/** What became of the numbered messages. Units: messages. */
export interface Reconciled {
  readonly sent: number
  readonly received: number
  /** Neither arrived, nor came back as an error, nor was found in the archive. */
  readonly lost: number
  /** Lost although the server had acknowledged it (XEP-0198). */
  readonly lostAcked: number
  /** Lost, and never acknowledged: its sender knows. */
  readonly lostUnacked: number
  readonly acked: number
  readonly duplicated: number
  /** Arrived after a later one of the same sender. */
  readonly reordered: number
  readonly bounced: number
  readonly late: number
  /** Found in the archive only. */
  readonly archived: number
}

/** What an arrival was. Units: ms from the intended time. */
export type Arrival =
  | {
      readonly kind: 'first'
      readonly latencyMs: number
      readonly intendedAt: number
      readonly sender: number
      readonly isWarmUp: boolean
    }
  | { readonly kind: 'repeated' }
  | { readonly kind: 'unknown' }

const acked = 1
const arrived = 2
const bounced = 4
const archived = 8

/** Messages of one chunk of the ledger. */
const chunkSize = 65_536

/** Messages one worker can number: ten digits would allow more, memory (13 bytes each) sets the limit. */
export const maxMessages = 50_000_000

interface Chunk {
  readonly intended: Float64Array
  readonly sender: Uint32Array
  readonly flags: Uint8Array
}

/**
 * Numbers every message of a worker and reconciles what arrives.
 * Order: per sender, who always writes to one recipient.
 * Errors: `send` throws past `maxMessages`: the run is then of no use.
 */
export class Ledger {
  readonly #chunks: Chunk[] = []
  readonly #highest = new Map<number, number>()
  readonly #lateAfterMs: number
  #next = 0
  #firstMeasured = 0
  #counts = { received: 0, duplicated: 0, reordered: 0, bounced: 0, late: 0, acked: 0, archived: 0 }

  constructor(lateAfterMs: number) {
    this.#lateAfterMs = lateAfterMs
  }

  /** Messages that are still on their way, as far as is known. */
  get open(): number {
    return this.#next - this.#counts.received - this.#counts.bounced - this.#counts.archived
  }

  get received(): number {
    return this.#counts.received
  }

  get sent(): number {
    return this.#next
  }

  /** From here on latencies count. */
  endWarmUp(): void {
    this.#firstMeasured = this.#next
  }

  /** Numbers a message. Units: ms. */
  send(sender: number, intendedAt: number): number {
    const number = this.#next
    if (number >= maxMessages) throw new Error(`a worker numbers ${maxMessages} messages at most`)
    if (number % chunkSize === 0) {
      this.#chunks.push({
        intended: new Float64Array(chunkSize),
        sender: new Uint32Array(chunkSize),
        flags: new Uint8Array(chunkSize),
      })
    }
    this.#next++
    const chunk = this.#chunks[Math.floor(number / chunkSize)]
    if (chunk !== undefined) {
      chunk.intended[number % chunkSize] = intendedAt
      chunk.sender[number % chunkSize] = sender
    }
    return number
  }

  /** The server took it over. */
  acked(number: number): void {
    if (this.#mark(number, acked)) this.#counts.acked++
  }

  /** It came back as an error. */
  bounced(number: number): void {
    if (this.#has(number, arrived | archived)) return
    if (this.#mark(number, bounced)) this.#counts.bounced++
  }

  /** It was seen in the archive of the one it was for. */
  archived(number: number): void {
    if (this.#has(number, arrived | bounced)) return
    if (this.#mark(number, archived)) this.#counts.archived++
  }

  /** It reached the one it was for. Units: ms. */
  arrive(number: number, now: number): Arrival {
    const chunk = this.#chunks[Math.floor(number / chunkSize)]
    if (chunk === undefined || number >= this.#next) return { kind: 'unknown' }
    const place = number % chunkSize
    const flags = chunk.flags[place] ?? 0
    if ((flags & arrived) !== 0) {
      this.#counts.duplicated++
      return { kind: 'repeated' }
    }
    chunk.flags[place] = flags | arrived
    if ((flags & archived) !== 0) this.#counts.archived--
    if ((flags & bounced) !== 0) this.#counts.bounced--
    this.#counts.received++
    const sender = chunk.sender[place] ?? 0
    const intendedAt = chunk.intended[place] ?? 0
    if (number < (this.#highest.get(sender) ?? -1)) this.#counts.reordered++
    else this.#highest.set(sender, number)
    const latencyMs = now - intendedAt
    if (latencyMs > this.#lateAfterMs) this.#counts.late++
    return { kind: 'first', latencyMs, intendedAt, sender, isWarmUp: number < this.#firstMeasured }
  }

  /** Where everything stands; at the end of a run, the verdict. */
  reconcile(): Reconciled {
    let lost = 0
    let lostAcked = 0
    for (let number = 0; number < this.#next; number++) {
      const flags = this.#flags(number)
      if ((flags & (arrived | bounced | archived)) !== 0) continue
      lost++
      if ((flags & acked) !== 0) lostAcked++
    }
    return { sent: this.#next, ...this.#counts, lost, lostAcked, lostUnacked: lost - lostAcked }
  }

  #flags(number: number): number {
    return this.#chunks[Math.floor(number / chunkSize)]?.flags[number % chunkSize] ?? 0
  }

  #has(number: number, flags: number): boolean {
    return (this.#flags(number) & flags) !== 0
  }

  /** Sets a flag; false when it was set, or the number is nobody's. */
  #mark(number: number, flag: number): boolean {
    const chunk = this.#chunks[Math.floor(number / chunkSize)]
    if (chunk === undefined || number < 0 || number >= this.#next) return false
    const before = chunk.flags[number % chunkSize] ?? 0
    chunk.flags[number % chunkSize] = before | flag
    return (before & flag) === 0
  }
}
