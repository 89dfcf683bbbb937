import { createGate, type Gate, type GateEvent, type NameTable } from '@starling/xml'
import { gateLimitsAfter, gateLimitsBefore } from './limits.ts'
import { isFramed, type Transport } from './stream-state.ts'

/** What was read of one connection and not yet handled, and the gate that cuts it into events. */
export class Intake {
  readonly #gate: Gate
  readonly #maxStanzaBytes: number
  #events: readonly GateEvent[] = []
  #at = 0
  #chunks: Uint8Array[] = []
  #isStepping = true

  constructor(transport: Transport, maxStanzaBytes: number, names: NameTable) {
    this.#maxStanzaBytes = maxStanzaBytes
    this.#gate = createGate({
      framing: isFramed(transport) ? 'websocket' : 'tcp',
      limits: gateLimitsBefore(maxStanzaBytes),
      names,
    })
    this.#gate.setStepping(true)
  }

  /** Units: bytes held, read or not. */
  get heldBytes(): number {
    let bytes = this.#gate.pendingBytes
    for (const chunk of this.#chunks) bytes += chunk.length
    return bytes
  }

  /** An element has begun and not ended. */
  get isPartial(): boolean {
    return !this.#gate.isIdle
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
  }

  /** The next event; undefined when more has to be read first. */
  next(): GateEvent | undefined {
    for (;;) {
      const event = this.#events[this.#at]
      if (event !== undefined) {
        this.#at++
        return event
      }
      this.#at = 0
      this.#events = this.#isStepping ? this.#gate.resume() : none
      if (this.#events.length > 0) continue
      const chunk = this.#chunks.shift()
      if (chunk === undefined) return undefined
      this.#events = this.#gate.push(chunk)
    }
  }

  /** A new stream follows. */
  restart(): void {
    this.#gate.reset()
  }

  /** The client signed in: it may send more at once. */
  widen(): void {
    this.#gate.setLimits(gateLimitsAfter(this.#maxStanzaBytes))
  }

  /** The stream will not begin anew: events are cut as they come. */
  settle(): void {
    this.#events = [...this.#events.slice(this.#at)]
    this.#at = 0
    this.#gate.setStepping(false)
    this.#isStepping = false
    if (!this.#gate.isIdle) this.#events = [...this.#events, ...this.#gate.resume()]
  }
}

const none: readonly GateEvent[] = []
