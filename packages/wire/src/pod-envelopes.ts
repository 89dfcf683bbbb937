import type { Base, Json, Recipient, Remembered, Target } from './envelope-parts.ts'

/** Bytes for sockets of one pod. Units: `atMs` is 0 where they waited to be had: offline, archived, or unacknowledged. */
export interface Output extends Base {
  readonly kind: 'output'
  readonly slot: number
  readonly epoch: number
  readonly recipients: readonly Recipient[]
  /** Canonical bytes of one stanza. */
  readonly raw: Uint8Array
}

/** What one session asked for and gets at once: a page of its archive. Each stanza is delivered as an `output` of its own would be. */
export interface OutputBundle extends Base {
  readonly kind: 'outputBundle'
  readonly slot: number
  readonly epoch: number
  /** One; its ordinal is that of the first stanza, those behind it follow without a gap. */
  readonly recipients: readonly Recipient[]
  /** Canonical bytes of several stanzas. Shape: as a record (`packRecord`). */
  readonly raw: Uint8Array
}

/** The connection has its resource; `raw` is the IQ result to write. */
export interface Bound extends Base {
  readonly kind: 'bound'
  readonly target: Target
  readonly head: { readonly jid: string }
  readonly raw: Uint8Array
}

/** News of stream management for a connection. */
export type SignalHead =
  | { readonly signal: 'enabled'; readonly smId: string; readonly maxSeconds: number }
  | {
      readonly signal: 'resumed'
      readonly smId: string
      readonly jid: string
      readonly maxSeconds: number
      /** Units: stanzas counted by the server, modulo 2^32: the `h` of `<resumed/>`. */
      readonly count: number
      /** Ordinal of the last stanza taken from the client: the connection's next is one above. */
      readonly ordinal: number
      /** Ordinal of the last delivery that the client has: the next to write is one above. */
      readonly acked: number
      readonly remembered?: Remembered
    }
  | { readonly signal: 'resumeRefused'; readonly h?: number }
  /** The answer to `Recount`: what was written by now is all that was numbered before it. */
  | { readonly signal: 'recount' }
  /** The client acknowledged more than it was sent. Source: XEP-0198 §4. */
  | { readonly signal: 'handledTooHigh'; readonly h: number; readonly sent: number }

/** News of stream management for a connection; what follows for it in this inbox is counted. */
export interface Signal extends Base {
  readonly kind: 'signal'
  readonly target: Target
  readonly head: SignalHead
}

/** The connection must end with a stream error. */
export interface Close extends Base {
  readonly kind: 'close'
  readonly target: Target
  readonly head: { readonly condition: string; readonly text: string }
}

/** The answer to a pod's question. */
export interface Answer extends Base {
  readonly kind: 'answer'
  readonly target: Target
  readonly head:
    | { readonly question: number; readonly result: Json }
    | { readonly question: number; readonly error: string }
}

/** The first record of a lease: its offset is the epoch (R7). */
export interface Lease extends Base {
  readonly kind: 'lease'
  readonly head: { readonly pod: string }
}
