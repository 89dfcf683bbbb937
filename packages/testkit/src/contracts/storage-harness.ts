import type { ArchiveRow, OfflineStanza, QueryArgs, QueryName, QueryResult, RosterItem, Storage } from '@starling/core'
import type { BareJid } from '@starling/jid'

/** One kind of storage under test; its tables are made. */
export interface StorageHarness {
  readonly storage: Storage
  /** Another client of the same database; for tests of several pods. */
  readonly open: () => Promise<Storage>
  /** How many rows the tables hold that are of no account, documents excepted: what no query shows. */
  readonly orphans: () => Promise<number>
  /** Runs of each property. */
  readonly runs: number
  /** Ends what the harness started. */
  readonly close: () => Promise<void>
}

/** What the parts of the contract use. */
export interface StorageBench {
  /** Runs a batch. */
  readonly run: <N extends QueryName>(name: N, batch: readonly QueryArgs<N>[]) => Promise<readonly QueryResult<N>[]>
  /** Runs a batch of one. */
  readonly one: <N extends QueryName>(name: N, args: QueryArgs<N>) => Promise<QueryResult<N>>
  /** A bare JID that no other test uses. */
  readonly stranger: () => BareJid
  /** A new account's bare JID. */
  readonly account: () => Promise<BareJid>
  readonly harness: () => StorageHarness
}

/** Makes the tools of the contract's parts. */
export function storageBench(harness: () => StorageHarness): StorageBench {
  let count = 0
  const run: StorageBench['run'] = (name, batch) => harness().storage.run(name, batch)
  const one: StorageBench['one'] = async (name, args) => {
    const results = await run(name, [args])
    if (results.length !== 1) throw new Error(`${name} gave ${results.length} results for one argument`)
    return results[0] as QueryResult<typeof name>
  }
  const stranger = (): BareJid => {
    count += 1
    return `user-${String(count).padStart(6, '0')}@starling.test` as BareJid
  }
  const account = async (): Promise<BareJid> => {
    const jid = stranger()
    await run('account.create', [{ jid, credentials: `of ${jid}` }])
    return jid
  }
  return { run, one, stranger, account, harness }
}

/** A contact that no test owns. */
export const juliet: BareJid = 'juliet@capulet.test' as BareJid
/** Another. */
export const nurse: BareJid = 'nurse@capulet.test' as BareJid

/** A roster item with a contact's JID; the rest as given, else the plainest. */
export function rosterItem(jid: BareJid, rest: Partial<RosterItem> = {}): RosterItem {
  return { jid, name: '', groups: [], subscription: 'both', ask: false, approved: false, isListed: true, ...rest }
}

/** An id that sorts as its number. */
export function idOf(place: number): string {
  return `1${String(place).padStart(8, '0')}`
}

/** Units: ms. The middle of a month. */
export const someTimeMs: number = Date.UTC(2026, 10, 15)

/** An archived message, the number of its id `place`. */
export function archived(owner: BareJid, place: number, rest: Partial<ArchiveRow> = {}): ArchiveRow {
  const raw = bytesOf(`<message><body>${place}</body></message>`)
  return { owner, id: idOf(place), atMs: someTimeMs + place, peer: juliet, raw, ...rest }
}

/** An offline stanza, the number of its id `place`. */
export function offlineStanza(owner: BareJid, place: number): OfflineStanza {
  return { owner, id: idOf(place), atMs: someTimeMs + place, raw: bytesOf(`<message id='${place}'/>`) }
}

/** A text as bytes, a plain Uint8Array. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** SQL for `orphans`, the same on every database: one row, one column `orphans`. */
export const orphansSql: string = `SELECT ${['rosters', 'roster_items', 'offline', 'archive']
  .map((table) => `(SELECT count(*) FROM ${table} WHERE account NOT IN (SELECT no FROM accounts))`)
  .join(' + ')} AS orphans`
