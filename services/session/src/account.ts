import type { BareJid, Jid } from '@starling/jid'
import type { Json, Target } from '@starling/wire'

/** Slices by module id. */
export type Slices = { readonly [moduleId: string]: Json }

/** One bound resource. */
export interface Session {
  readonly resource: string
  /** The connection whose stanzas are accepted (R5). */
  readonly target: Target
  /** Taken while the client was provably there (R5). */
  readonly generation: number
  /** XMPP language of the stream, '' if none. */
  readonly lang: string
  /** Units: stanzas handled; the next one must have ordinal count+1 (R5). */
  readonly count: number
  /** Asked for the roster: gets pushes. Source: RFC 6121 §2.1.6. */
  readonly isInterested: boolean
  /** Undefined while unavailable. */
  readonly presence: Availability | undefined
  readonly slices: Slices
  /** Who was sent directed presence and must learn of the end. Source: RFC 6121 §4.6. Units: at most maxDirectedPresence. */
  readonly directed: readonly Jid[]
  /** Undefined without stream management. */
  readonly sm: StreamManagement | undefined
}

/** Stream management of a session. Source: XEP-0198. */
export interface StreamManagement {
  /** The SM-ID. */
  readonly id: string
  /** Units: stanzas of the session accepted before it was enabled; its `h` is the count less these. */
  readonly base: number
  /** Units: s that the session is kept after its connection; 0: not at all. */
  readonly maxSeconds: number
  /** The connection is gone, or thought so: what still comes of it counts until its client goes on elsewhere. */
  readonly isHibernating: boolean
}

/** A connection that lost its session to a kick: what it sent before it heard of that counts on, until its drop (R5). */
export interface Kicked {
  readonly target: Target
  /** Units: stanzas handled. */
  readonly count: number
}

/** What an available resource last said. */
export interface Availability {
  /** Source: RFC 6121 §4.7.2.3. */
  readonly priority: number
  /** Its last available presence, canonical bytes without `to`. */
  readonly raw: Uint8Array
}

/** An account as the session stage keeps it. */
export interface Account {
  readonly jid: BareJid
  /** Whether `slices` are what storage holds. */
  readonly isLoaded: boolean
  /** Units: questions under way; while there are any, every input is parked behind them. */
  readonly pending: number
  /** Answers to earlier questions are repetitions. Shape: as `versionOf` makes it, '~' behind it once that one was answered. */
  readonly awaited: string
  /** Of the questions under way, how many answers must be parked again to keep the order. */
  readonly reparks: number
  /** Version of the last roster change made here; an answer that does not know it yet was read too early. */
  readonly rosterVersion: string
  readonly slices: Slices
  readonly sessions: ReadonlyMap<string, Session>
  /** The oldest first. Units: at most maxKicked. */
  readonly kicked: readonly Kicked[]
}

/** An account nobody is connected to. */
export function blankAccount(jid: BareJid): Account {
  return {
    jid,
    isLoaded: false,
    pending: 0,
    awaited: '',
    reparks: 0,
    rosterVersion: '',
    slices: {},
    sessions: new Map(),
    kicked: [],
  }
}

/** The account with a session added or replaced. */
export function withSession(account: Account, session: Session): Account {
  return { ...account, sessions: new Map(account.sessions).set(session.resource, session) }
}

/** The account without a session. */
export function withoutSession(account: Account, resource: string): Account {
  const sessions = new Map(account.sessions)
  sessions.delete(resource)
  return { ...account, sessions }
}

/** The session of a connection. */
export function sessionOf(account: Account, target: Target): Session | undefined {
  for (const session of account.sessions.values()) if (isSameTarget(session.target, target)) return session
  return undefined
}

/** Whether two targets are one connection of one pod's life (R7). */
export function isSameTarget(one: Target, other: Target): boolean {
  return one.slot === other.slot && one.epoch === other.epoch && one.connection === other.connection
}

/** Sessions that are available. */
export function availableSessions(account: Account): readonly Session[] {
  return [...account.sessions.values()].filter((session) => session.presence !== undefined)
}
