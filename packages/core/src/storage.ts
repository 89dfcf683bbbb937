import type { BareJid } from '@starling/jid'

/** One roster item as stored. Source: RFC 6121 §2.1.2, appendix A. */
export interface RosterItem {
  readonly jid: BareJid
  readonly name: string
  readonly groups: readonly string[]
  readonly subscription: 'none' | 'to' | 'from' | 'both'
  /** Pending out: our account asked and was not answered. */
  readonly ask: boolean
  /** Pending in: the contact asked; holds its subscribe stanza, canonical bytes. An item with `subscription: 'none'`, no ask and a request only is not shown in the roster. */
  readonly request?: Uint8Array
  /** Pre-approved. Source: RFC 6121 §3.4. */
  readonly approved: boolean
  /** In the roster as the client sees it; false for an item that only holds a request or an approval. */
  readonly isListed: boolean
}

/** A whole roster; `version` names the last change. */
export interface Roster {
  readonly version: string
  readonly items: readonly RosterItem[]
}

/** A stanza kept until a resource comes. Source: XEP-0160. */
export interface OfflineStanza {
  readonly owner: BareJid
  /** Archive id: idempotency key and order. */
  readonly id: string
  readonly atMs: number
  readonly raw: Uint8Array
}

/** One archived message. Source: XEP-0313. */
export interface ArchiveRow {
  readonly owner: BareJid
  readonly id: string
  /** Units: ms; a column, never the order. It also chooses the partition that retention drops. */
  readonly atMs: number
  /** The other side, bare. */
  readonly peer: BareJid
  /** The other side's resourcepart, when its address had one: what `withFull` of a query is held against. */
  readonly peerResource?: string
  readonly raw: Uint8Array
}

/** A page of an archive, keyset. Source: XEP-0313 §4, XEP-0059. */
export interface ArchiveQuery {
  readonly owner: BareJid
  readonly with?: BareJid
  /** A full JID: only what went to or came from this resource. */
  readonly withFull?: string
  readonly startMs?: number
  readonly endMs?: number
  readonly ids?: readonly string[]
  /** Exclusive bounds by id from the form (#extended) and from RSM. */
  readonly afterId?: string
  readonly beforeId?: string
  /** `last`: the newest `limit` of what matches, still returned ascending. */
  readonly direction: 'first' | 'last'
  readonly limit: number
}

/** Rows ascending by id. */
export interface ArchivePage {
  readonly rows: readonly ArchiveRow[]
  /** True when nothing matching lies beyond the page in its direction. */
  readonly isComplete: boolean
  /** An id of `ids`, or an RSM id, that the archive does not hold (XEP-0313 §4.3.1 item-not-found). */
  readonly unknownId?: string
}

/** First and last archived message of an owner. Source: XEP-0313 #extended metadata. */
export interface ArchiveBounds {
  readonly first?: { readonly id: string; readonly atMs: number }
  readonly last?: { readonly id: string; readonly atMs: number }
}

/** A named piece of an account: vCard, private XML element, module slice, last activity… */
export interface DocumentKey {
  readonly owner: BareJid
  readonly kind: string
  readonly name: string
}

/** A document and its content. */
export interface Document extends DocumentKey {
  readonly body: Uint8Array
}

/**
 * The named queries: argument and result of each. Every query runs on a whole batch, one statement (or one transaction) a
 * batch; results stand in the order of the arguments. All writes are idempotent (R3).
 */
export interface StorageQueries {
  'account.create': {
    args: { readonly jid: BareJid; readonly credentials: string }
    result: { readonly isCreated: boolean }
  }
  'account.get': { args: { readonly jid: BareJid }; result: { readonly credentials: string } | undefined }
  /** What is needed of an account whose client signs in, in one query: undefined without an account. */
  'account.load': {
    args: { readonly owner: BareJid; readonly kind: string }
    result: { readonly roster: Roster; readonly documents: readonly Document[] } | undefined
  }
  'account.setCredentials': {
    args: { readonly jid: BareJid; readonly credentials: string }
    result: { readonly isFound: boolean }
  }
  /** Removes the account and all that is its own: roster, documents, offline stanzas, archive. */
  'account.delete': { args: { readonly jid: BareJid }; result: { readonly isFound: boolean } }
  /** Ascending by JID, after `after`. */
  'account.list': {
    args: { readonly after: string; readonly limit: number }
    result: { readonly jids: readonly BareJid[] }
  }
  'roster.load': { args: { readonly owner: BareJid }; result: Roster }
  'roster.put': {
    args: { readonly owner: BareJid; readonly version: string; readonly item: RosterItem }
    result: undefined
  }
  'roster.remove': {
    args: { readonly owner: BareJid; readonly version: string; readonly jid: BareJid }
    result: undefined
  }
  'document.get': { args: DocumentKey; result: Document | undefined }
  'document.list': { args: { readonly owner: BareJid; readonly kind: string }; result: readonly Document[] }
  'document.put': { args: Document; result: undefined }
  'document.remove': { args: DocumentKey; result: { readonly isFound: boolean } }
  /** Refuses (isStored false) owners without an account and owners that hold `maxStanzas` already; a repeated id is stored. */
  'offline.add': {
    args: OfflineStanza & { readonly maxStanzas: number }
    result: { readonly isStored: boolean; readonly reason?: 'no-account' | 'full' }
  }
  /** Ascending by id, after `afterId`. */
  'offline.page': {
    args: { readonly owner: BareJid; readonly afterId: string; readonly limit: number }
    result: readonly OfflineStanza[]
  }
  /**
   * Removes one: what came meanwhile may stand before it, so it must not go with it. The same id added again counts as stored and
   * stays away (R3), until one a day younger is removed.
   */
  'offline.remove': { args: { readonly owner: BareJid; readonly id: string }; result: undefined }
  'offline.count': { args: { readonly owner: BareJid }; result: number }
  /** Ignores rows whose owner has no account, and rows that are there already. */
  'archive.add': { args: ArchiveRow; result: undefined }
  'archive.page': { args: ArchiveQuery; result: ArchivePage }
  'archive.bounds': { args: { readonly owner: BareJid }; result: ArchiveBounds }
  /** Drops every archived message older than `beforeMs` (whole partitions where they exist); returns how many parts or rows went. */
  'archive.retain': { args: { readonly beforeMs: number }; result: number }
}

/** Name of a query. */
export type QueryName = keyof StorageQueries
/** Arguments of a query. */
export type QueryArgs<N extends QueryName> = StorageQueries[N]['args']
/** Result of a query. */
export type QueryResult<N extends QueryName> = StorageQueries[N]['result']
/** One call of a query, as it travels. */
export type QueryCall = { [N in QueryName]: { readonly query: N; readonly args: QueryArgs<N> } }[QueryName]

/**
 * The durable store behind the storage stage: PostgreSQL or SQLite, chosen by the database URL alone.
 * Errors: rejects with code STORAGE_DOWN when the database is away (try again), STORAGE_FAILED for a bug.
 */
export interface Storage {
  /** Runs one query for a whole batch of arguments; durable when it resolves. Order: results as the arguments. */
  readonly run: <N extends QueryName>(query: N, batch: readonly QueryArgs<N>[]) => Promise<readonly QueryResult<N>[]>
  /** Makes or upgrades the tables; safe to call from several pods at once. */
  readonly migrate: () => Promise<void>
  readonly isUp: () => boolean
  readonly close: () => Promise<void>
}

/** A failure of the database: broken infrastructure or a bug, never something a client did. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly code: 'STORAGE_DOWN' | 'STORAGE_FAILED'
  constructor(code: 'STORAGE_DOWN' | 'STORAGE_FAILED', message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
