import {
  type ArchiveRow,
  type Document,
  type OfflineStanza,
  type QueryArgs,
  type QueryName,
  type QueryResult,
  type Roster,
  type RosterItem,
  type Storage,
  StorageError,
} from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { Engine, Process } from './engine.ts'
import { createServer, type Trouble } from './remote.ts'

/** The database: one for all processes, each query of a batch one transaction. */
export interface Database {
  readonly trouble: Trouble
  readonly storageOf: (process: Process) => Storage
  /** Rows by owner. Order: ascending by id. */
  readonly archive: (owner: BareJid) => readonly ArchiveRow[]
  readonly offline: (owner: BareJid) => readonly OfflineStanza[]
}

type Queries = { [N in QueryName]?: (args: QueryArgs<N>) => QueryResult<N> }

/** A database in memory in which these accounts exist, all of them each other's contacts when `isFriendly`. */
export function createDatabase(engine: Engine, accounts: readonly BareJid[], isFriendly: boolean): Database {
  const server = createServer(engine, 'storage', () => new StorageError('STORAGE_DOWN', 'the database is away'))
  const known = new Set(accounts)
  const rosters = new Map<BareJid, Roster>()
  const documents = new Map<string, Document>()
  const offline = new Map<BareJid, OfflineStanza[]>()
  const removed = new Set<string>()
  const archive = new Map<BareJid, ArchiveRow[]>()
  const contact = (jid: BareJid): RosterItem => ({
    jid,
    name: '',
    groups: [],
    subscription: 'both',
    ask: false,
    approved: false,
    isListed: true,
  })
  for (const owner of isFriendly ? accounts : []) {
    rosters.set(owner, { version: '', items: accounts.filter((jid) => jid !== owner).map(contact) })
  }
  const rosterOf = (owner: BareJid): Roster => rosters.get(owner) ?? { version: '', items: [] }
  const documentsOf = (owner: BareJid, kind: string): readonly Document[] =>
    [...documents.values()].filter((document) => document.owner === owner && document.kind === kind)
  const byId = (one: { readonly id: string }, other: { readonly id: string }): number => (one.id < other.id ? -1 : 1)
  const keyOf = (owner: string, kind: string, name: string): string => `${owner} ${kind} ${name}`
  const add = <T extends { readonly id: string; readonly owner: BareJid }>(to: Map<BareJid, T[]>, row: T): void => {
    const rows = to.get(row.owner) ?? []
    to.set(row.owner, rows)
    if (rows.some(({ id }) => id === row.id)) return
    rows.push(row)
    rows.sort(byId)
  }

  const queries: Queries = {
    'account.get': ({ jid }) => (known.has(jid) ? { credentials: '' } : undefined),
    'account.load': ({ owner, kind }) =>
      known.has(owner) ? { roster: rosterOf(owner), documents: documentsOf(owner, kind) } : undefined,
    'roster.load': ({ owner }) => rosterOf(owner),
    'roster.put': ({ owner, version, item }) => {
      const items = rosterOf(owner).items.filter(({ jid }) => jid !== item.jid)
      rosters.set(owner, { version, items: [...items, item] })
      return undefined
    },
    'roster.remove': ({ owner, version, jid }) => {
      rosters.set(owner, { version, items: rosterOf(owner).items.filter((item) => item.jid !== jid) })
      return undefined
    },
    'document.get': ({ owner, kind, name }) => documents.get(keyOf(owner, kind, name)),
    'document.list': ({ owner, kind }) => documentsOf(owner, kind),
    'document.put': (document) => {
      documents.set(keyOf(document.owner, document.kind, document.name), document)
      return undefined
    },
    'document.remove': ({ owner, kind, name }) => ({ isFound: documents.delete(keyOf(owner, kind, name)) }),
    'offline.add': ({ maxStanzas, ...stanza }) => {
      if (!known.has(stanza.owner)) return { isStored: false, reason: 'no-account' }
      if (removed.has(`${stanza.owner} ${stanza.id}`)) return { isStored: true }
      const kept = offline.get(stanza.owner) ?? []
      if (kept.length >= maxStanzas && !kept.some(({ id }) => id === stanza.id))
        return { isStored: false, reason: 'full' }
      add(offline, { ...stanza, raw: stanza.raw.slice() })
      return { isStored: true }
    },
    'offline.page': ({ owner, afterId, limit }) =>
      (offline.get(owner) ?? []).filter(({ id }) => id > afterId).slice(0, limit),
    'offline.remove': ({ owner, id: gone }) => {
      removed.add(`${owner} ${gone}`)
      offline.set(
        owner,
        (offline.get(owner) ?? []).filter(({ id }) => id !== gone),
      )
      return undefined
    },
    'offline.count': ({ owner }) => offline.get(owner)?.length ?? 0,
    'archive.add': (row) => {
      if (known.has(row.owner)) add(archive, { ...row, raw: row.raw.slice() })
      return undefined
    },
    'archive.page': ({ owner, limit, direction, afterId = '', beforeId = '~' }) => {
      const all = (archive.get(owner) ?? []).filter(({ id }) => id > afterId && id < beforeId)
      const rows = direction === 'first' ? all.slice(0, limit) : all.slice(-limit)
      return { rows, isComplete: rows.length === all.length }
    },
    'archive.bounds': () => ({}),
  }

  const runBatch = <N extends QueryName>(query: N, batch: readonly QueryArgs<N>[]): readonly QueryResult<N>[] => {
    const one = queries[query] as ((args: QueryArgs<N>) => QueryResult<N>) | undefined
    if (one === undefined) throw new Error(`the simulation's database has no query ${query}`)
    return batch.map((args) => one(args))
  }

  return {
    trouble: server.trouble,
    storageOf: (process) => ({
      run: (query, batch) => server.ask(process, () => runBatch(query, batch)),
      migrate: async () => {},
      isUp: () => true,
      close: async () => {},
    }),
    archive: (owner) => archive.get(owner) ?? [],
    offline: (owner) => offline.get(owner) ?? [],
  }
}
