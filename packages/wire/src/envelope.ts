import type { Stanza } from '@starling/stanza'
import type { Base, Json, Remembered, Target } from './envelope-parts.ts'
import type { Answer, Bound, Close, Lease, Output, OutputBundle, Signal } from './pod-envelopes.ts'

// ---- session inbox -------------------------------------------------------------------------------------------------

/** A connection that authenticated asks for a resource. Source: RFC 6120 §7. */
export interface Bind extends Base {
  readonly kind: 'bind'
  readonly target: Target
  readonly head: {
    /** '' lets the server choose. */
    readonly resource: string
    readonly iqId: string
    /** Taken while the client was provably there (R5). */
    readonly generation: number
    /** XMPP language of the stream, '' if none. */
    readonly lang: string
    /** Bind 2: the client's word for itself, which the resource begins with; then `resource` and `iqId` are ''. Source: XEP-0386 §3. */
    readonly tag?: string
    /** Bind 2: stream management from the first stanza on. Source: XEP-0198 §9. */
    readonly sm?: EnableHead
    /** Bind 2: what else is switched on, as `{namespace}name`. Source: XEP-0386 §4. */
    readonly features?: readonly string[]
  }
}

/** What a client asks of stream management. Source: XEP-0198 §3. */
export interface EnableHead {
  /** Units: s that the client would like the session kept after its connection; 0 means that it will not resume. */
  readonly maxSeconds: number
}

/** A bound connection wants stream management. Order: stanzas before it are not counted, those after it are. Source: XEP-0198 §3. */
export interface Enable extends Base {
  readonly kind: 'enable'
  readonly target: Target
  readonly head: EnableHead
}

/** A connection that authenticated wants to go on with a session of its account (R5). Source: XEP-0198 §5. */
export interface Resume extends Base {
  readonly kind: 'resume'
  readonly target: Target
  readonly head: {
    readonly smId: string
    /** Units: stanzas that the client handled, modulo 2^32, as it says. */
    readonly h: number
    readonly generation: number
    readonly lang: string
  }
}

/**
 * A living connection of a session that presence has forgotten (R11): everything its pod knows of it. Order: behind every stanza of
 * the connection before it, and true at its place. A session that is known takes from it what it lacks.
 */
export interface Reassert extends Base {
  readonly kind: 'reassert'
  readonly target: Target
  /** The client's last stanza before it. */
  readonly ordinal: number
  readonly head: Remembered & {
    readonly resource: string
    readonly generation: number
    readonly lang: string
    readonly sm?: {
      /** The SM-ID; '' where the client still waits for it. */
      readonly id: string
      /** Ordinal of the client's last stanza before the one that `h` counts as 1. */
      readonly base: number
      /** Units: s that the session is kept after its connection. */
      readonly maxSeconds: number
      /** Ordinal of the last delivery that was written. */
      readonly written: number
      /** Ordinal of the last delivery that the client has. */
      readonly acked: number
    }
  }
}

/** A hibernating session's time is over; does nothing unless the session still hangs on this connection (R6). */
export interface Expire extends Base {
  readonly kind: 'expire'
  readonly target: Target
}

/**
 * A stanza that the pod dealt with itself: it is counted as `client` is, and what there is to answer goes the way of all that a
 * client receives (R4).
 */
export interface Answered extends Base {
  readonly kind: 'answered'
  readonly target: Target
  readonly ordinal: number
  readonly stanza?: Stanza
}

/** A stanza from a bound connection; `ordinal` counts them from 1 (R5). */
export interface FromClient extends Base {
  readonly kind: 'client'
  readonly target: Target
  readonly ordinal: number
  readonly stanza: Stanza
}

/** A stanza addressed to the account itself, from elsewhere. */
export interface ToAccount extends Base {
  readonly kind: 'account'
  readonly stanza: Stanza
}

/** A connection ended; nothing of it follows. */
export interface Drop extends Base {
  readonly kind: 'drop'
  readonly target: Target
  readonly head: {
    readonly reason: string
    /** Ordinal of the last delivery that its client acknowledged, where its own pod says so (R4). */
    readonly acked?: number
  }
}

/** The answer to a `load` question, with the envelope that had to wait for it. */
export interface Loaded extends Base {
  readonly kind: 'loaded'
  readonly head: Json
  /** An encoded envelope of this inbox. */
  readonly carried: Uint8Array
}

/** The account was deleted (or its password changed): sessions must end. */
export interface AccountChanged extends Base {
  readonly kind: 'accountChanged'
  readonly head: { readonly change: 'deleted' | 'credentials' }
}

// ---- routing inbox -------------------------------------------------------------------------------------------------

/** A stanza for the account, or for one resource of it (RFC 6121 §8). */
export interface Deliver extends Base {
  readonly kind: 'deliver'
  readonly stanza: Stanza
  readonly head?: DeliverHead
}

/**
 * Several stanzas from the account itself for one resource of it, or nobody: what it asked for (a page of its archive). They are neither
 * archived nor kept when that resource is gone.
 */
export interface Bundle extends Base {
  readonly kind: 'bundle'
  readonly head: { readonly resource: string }
  /** Canonical bytes of the stanzas. Shape: as a record (`packRecord`). */
  readonly raw: Uint8Array
}

/** What a delivery carries beside its stanza. */
export interface DeliverHead {
  /** Not archived, not copied, not stored again: it already was (offline stanza, archive result). */
  readonly isReplay?: boolean
  /** From the account's own session stage or storage: blocking and the like do not apply. */
  readonly isOwn?: boolean
  /** Only to this resource, whatever `to` says; dropped when it is gone. */
  readonly resource?: string
  /** What a session's end left unacknowledged: goes to the account, whatever resource `to` names, and is never bounced (R6). */
  readonly isRedelivery?: boolean
  /** Resources that have it already. */
  readonly except?: readonly string[]
  /** Its order among offline messages where that is not its place: a redelivered one stands where its session ended. */
  readonly offlineId?: string
}

/** The same stanza for many accounts of one partition; the pod writes each `to`. */
export interface Cast extends Base {
  readonly kind: 'cast'
  /** Bare or full JIDs. */
  readonly keys: readonly string[]
  readonly stanza: Stanza
}

/** The sender's own copy of a message it sent: carbons and archive come from here. */
export interface Sent extends Base {
  readonly kind: 'sent'
  readonly stanza: Stanza
}

/**
 * A pod asks to be told, by the signal `recount`, when everything that was numbered for this connection before this record has reached
 * it (R11). Changes nothing.
 */
export interface Recount extends Base {
  readonly kind: 'recount'
  readonly target: Target
}

/** What routing has to know of a session; travels in routing's inbox so that it takes effect in the log's order (R5). */
export type StateChange =
  | { readonly change: 'bound'; readonly resource: string; readonly target: Target; readonly reply: Uint8Array }
  | {
      readonly change: 'updated'
      readonly resource: string
      readonly isAvailable: boolean
      readonly priority: number
      readonly slices: { readonly [moduleId: string]: Json }
    }
  /** `acked`: see `Drop`. */
  | { readonly change: 'ended'; readonly resource: string; readonly target: Target; readonly acked?: number }
  | { readonly change: 'settings'; readonly slices: { readonly [moduleId: string]: Json } }
  | { readonly change: 'kicked'; readonly target: Target; readonly condition: string; readonly text: string }
  | { readonly change: 'refused'; readonly target: Target; readonly reply: Uint8Array }
  /** Stream management from here on: the next delivery is number 1. */
  | {
      readonly change: 'enabled'
      readonly resource: string
      readonly target: Target
      readonly smId: string
      /** Units: s; 0 when it cannot be resumed. */
      readonly maxSeconds: number
    }
  /** The connection is gone, the session stays for a while. */
  | { readonly change: 'hibernated'; readonly resource: string; readonly target: Target; readonly acked?: number }
  | {
      readonly change: 'resumed'
      readonly resource: string
      readonly smId: string
      readonly target: Target
      /** Its connection until now, which may still be open. */
      readonly old: Target
      /** Units: stanzas that the client handled, modulo 2^32. */
      readonly h: number
      /** Units: stanzas counted by the server since `<enable/>`, modulo 2^32: its `h`. */
      readonly count: number
      /** Ordinal of the last stanza taken from the client: the connection counts on from it. */
      readonly ordinal: number
      readonly maxSeconds: number
      readonly remembered?: Remembered
    }
  /** A living connection's session that presence had forgotten (R11); one that is known stays as it is. */
  | {
      readonly change: 'restored'
      readonly resource: string
      readonly target: Target
      readonly isAvailable: boolean
      readonly priority: number
      readonly slices: { readonly [moduleId: string]: Json }
      /** `written`, `acked`: see `Reassert`. What lies between is in no queue any more. */
      readonly sm?: {
        readonly id: string
        readonly maxSeconds: number
        readonly written: number
        readonly acked: number
      }
    }
  /** `h`: the server's count where the session was known but could not be resumed. Source: XEP-0198 §5. */
  | { readonly change: 'resumeRefused'; readonly target: Target; readonly h?: number }

/** A change of the account's sessions, for routing. */
export interface State extends Base {
  readonly kind: 'state'
  readonly head: StateChange
}

/**
 * A pod's lease has ended: its sessions are dead from here on, without a record for each (R7). Stands in every partition, so that
 * who is alive is a function of the log (R3).
 */
export interface PodDied extends Base {
  readonly kind: 'podDied'
  readonly slot: number
  readonly epoch: number
}

// ---- storage inbox (and `request` in routing's, when it must see the archive in order) -------------------------------

/** An IQ request that storage answers by a module's stored handler; in routing's inbox it sees every message before it. */
export interface Request extends Base {
  readonly kind: 'request'
  readonly stanza: Stanza
  readonly head: {
    /** Which of the module's handlers: the scope it was found under. */
    readonly scope: 'self' | 'account' | 'domain'
    /** Whether the account had an available session when the request passed. */
    readonly isAvailable: boolean
    /** Account slices as the session stage knew them, by module id. */
    readonly slices: { readonly [moduleId: string]: Json }
  }
}

/** A write of a named query; nobody waits for it. */
export interface Write extends Base {
  readonly kind: 'write'
  readonly head: Json
}

/** Where an answer goes. */
export type ReplyTo =
  | { readonly to: 'pod'; readonly target: Target; readonly question: number }
  | { readonly to: 'session' }

/** A question for storage: a named query, or `load` (what the session stage needs of an account). */
export interface Ask extends Base {
  readonly kind: 'ask'
  readonly head: { readonly call: Json; readonly reply: ReplyTo }
  /** An encoded envelope that comes back with the answer. */
  readonly carried?: Uint8Array
}

/** A message nobody was there for. Source: XEP-0160. */
export interface Offline extends Base {
  readonly kind: 'offline'
  readonly stanza: Stanza
  /** Archive id, which is its order and its idempotency key. */
  readonly head: { readonly id: string }
}

/** A resource became ready for offline stanzas: storage sends them to routing, then forgets them. */
export interface Flush extends Base {
  readonly kind: 'flush'
  readonly head: { readonly resource: string }
}

/** Everything that travels. */
export type Envelope =
  | Bind
  | FromClient
  | Enable
  | Resume
  | Reassert
  | Expire
  | Answered
  | ToAccount
  | Drop
  | Loaded
  | AccountChanged
  | Deliver
  | Bundle
  | Cast
  | Sent
  | State
  | Recount
  | PodDied
  | Request
  | Write
  | Ask
  | Offline
  | Flush
  | Output
  | OutputBundle
  | Bound
  | Signal
  | Close
  | Answer
  | Lease

/** Name of an envelope kind. */
export type EnvelopeKind = Envelope['kind']
