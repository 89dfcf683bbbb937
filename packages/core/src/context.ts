import type { BareJid, FullJid } from '@starling/jid'
import type { Json } from '@starling/wire'
import type { Support } from './support.ts'

/** What every handler is told, whichever stage runs it. */
export interface Context {
  /** The account's domain. */
  readonly domain: BareJid
  /** The account whose inbox the stanza stands in. */
  readonly account: BareJid
  /** Units: ms, when Starling accepted the stanza; equal on replay. */
  readonly nowMs: number
  /** A fresh id, equal on replay (made of the record's place). */
  readonly id: () => string
  /** A module's option, as configured. */
  readonly option: (moduleId: string, name: string) => number | boolean | string
  /** This module's slice of the account; its initial value where nothing was remembered. */
  readonly accountSlice: Json
  /** What this server supports, for discovery. */
  readonly support: Support
}

/** A session of the account, as handlers see it. */
export interface SessionView {
  readonly resource: string
  readonly jid: FullJid
  readonly isAvailable: boolean
  /** Asked for the roster: gets pushes. Source: RFC 6121 §2.1.6. */
  readonly isInterested: boolean
  readonly priority: number
  /** This module's slice of the session; its initial value where nothing was remembered. */
  readonly slice: Json
}

/** Context in the session stage. */
export interface SessionContext extends Context {
  /** Every bound session of the account. */
  readonly sessions: readonly SessionView[]
  /** The session the stanza came from; undefined for a stanza from elsewhere. */
  readonly own: SessionView | undefined
}

/** Context in routing: the sessions it may choose from. */
export interface RoutingContext extends Context {
  readonly sessions: readonly SessionView[]
  /** Resources that were chosen so far; empty when nobody was there. */
  readonly chosen: readonly string[]
  /** Id the message has or would have in the account's archive. */
  readonly archiveId: string
  /** Another module's account slice (the archive's preferences, say). */
  readonly slice: (moduleId: string) => Json
}

/** Context in storage. */
export interface StorageContext extends Context {
  readonly archiveId: string
  /** Whether the account had an available session when the request passed its session stage. */
  readonly isAvailable: boolean
  /** Another module's account slice. */
  readonly slice: (moduleId: string) => Json
  /** Secret bytes; what is made of them is stored, so that a replay changes nothing but itself. */
  readonly random: (bytes: number) => Uint8Array
}

/** Context of storage when it decides what to archive. */
export interface ArchiveContext extends StorageContext {
  /** The sender's own copy (`routing.sentCopy`), not what the account received (`routing.deliver`). */
  readonly isSentCopy: boolean
}

/**
 * Context of an IQ request that the connection's own pod answers: on a stream that has not authenticated (in-band
 * registration), or what must not travel in the log (a password).
 */
export interface StreamContext {
  readonly domain: BareJid
  /** Who authenticated on the stream; undefined before. */
  readonly account?: BareJid | undefined
  readonly isSecure: boolean
  readonly remoteAddress: string
  readonly nowMs: number
  readonly option: (moduleId: string, name: string) => number | boolean | string
  readonly random: (bytes: number) => Uint8Array
}
