import type { ArchivePage, ArchiveQuery, ArchiveRow } from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { Columns, Dialects, NamedQuery } from './named-query.ts'
import { bytes, jsonTexts, number, type Row, rowLimit, type Scalar, text } from './scalar.ts'

const columns: Columns = {
  owner: 'text',
  peer: 'text',
  peer_resource: 'text',
  start_ms: 'bigint',
  end_ms: 'bigint',
  after_id: 'text',
  before_id: 'text',
  row_limit: 'bigint',
  ids: 'json',
  must_exist: 'json',
}

// Bounds where a query has none. Always two bounds, never `IS NULL OR`: the index is then entered at the bound, however deep
// the page lies. Archive ids are ours and ASCII; none reaches the highest code point.
const lowestId = ''
const highestId = '\u{10FFFF}'
const earliestMs = Number.MIN_SAFE_INTEGER
const latestMs = Number.MAX_SAFE_INTEGER

/** Adds the check of `must_exist`: the first id of it that the archive does not hold, in a row of its own. */
const knownId: Dialects = {
  postgres: `UNION ALL
      SELECT u.id, NULL, NULL, NULL, NULL, NULL, q.n FROM own AS q CROSS JOIN LATERAL (
        SELECT m.id FROM jsonb_array_elements_text(q.must_exist) WITH ORDINALITY AS m(id, place)
        WHERE (SELECT 1 FROM archive r WHERE r.account = q.no AND r.id = m.id COLLATE "C" LIMIT 1) IS NULL
        ORDER BY m.place LIMIT 1
      ) AS u`,
  sqlite: [
    `SELECT value FROM json_each(:must_exist) WHERE NOT EXISTS (SELECT 1 FROM archive r
        WHERE r.account = (SELECT no FROM accounts WHERE jid = :owner) AND r.id = value) ORDER BY key LIMIT 1`,
  ],
}

// Most pages are the newest ones, and name no id: PostgreSQL opens each partition once then, not twice.
const anyId: Dialects = { postgres: '', sqlite: [] }

/**
 * A page of an archive. One row more than the page holds is read: it tells whether the page is complete.
 * Shape: nine variants, as the filter decides which index gives the rows in their order: all or one peer's, each forward or
 * backward, each with ids that must exist or without; and a list of ids. Rows are (unknown id, id, time, peer, resource, bytes): an unknown id stands alone in its row.
 * Source: XEP-0313 §4.1, XEP-0059 §2.
 */
export const archivePageQueries: { readonly 'archive.page': NamedQuery<'archive.page'> } = {
  'archive.page': {
    isWrite: false,
    maxArgs: 50,
    columns,
    encode,
    variants: [...walks(anyId), ...walks(knownId), named()],
    variantOf: (query) => {
      if (query.ids !== undefined) return 8
      const isPeer = query.with !== undefined || query.withFull !== undefined
      const hasId = query.afterId !== undefined || query.beforeId !== undefined
      return (hasId ? 4 : 0) + (isPeer ? 2 : 0) + (query.direction === 'last' ? 1 : 0)
    },
    decode,
  },
}

function encode(query: ArchiveQuery): readonly Scalar[] {
  const full = query.withFull === undefined ? undefined : splitFull(query.withFull)
  const mustExist = [...(query.ids ?? []), ...[query.afterId, query.beforeId].filter((id) => id !== undefined)]
  return [
    query.owner,
    query.with ?? full?.bare ?? null,
    full?.resource ?? null,
    wholeMs(query.startMs, Math.ceil, earliestMs),
    wholeMs(query.endMs, Math.floor, latestMs),
    query.afterId ?? lowestId,
    query.beforeId ?? highestId,
    rowLimit(query.limit) + 1,
    query.ids === undefined ? null : jsonTexts(query.ids),
    mustExist.length === 0 ? null : jsonTexts(mustExist),
  ]
}

function decode(rows: readonly Row[], query: ArchiveQuery): ArchivePage {
  const unknown = rows.find((row) => row[0] !== null)
  // XEP-0313 §4.1.3: an id that is not in the archive fails the whole query.
  if (unknown !== undefined) return { rows: [], isComplete: true, unknownId: text(unknown[0]) }
  if (query.with !== undefined && query.withFull !== undefined && splitFull(query.withFull).bare !== query.with) {
    return { rows: [], isComplete: true }
  }
  const limit = rowLimit(query.limit)
  const isComplete = rows.length <= limit
  const isLast = query.direction === 'last'
  // Rows ascend, whichever way the index was walked: the row too many is the first of a page that ends at the newest.
  const page = isLast ? rows.slice(Math.max(0, rows.length - limit)) : rows.slice(0, limit)
  return { rows: page.map((row) => readRow(row, query.owner)), isComplete }
}

function readRow(row: Row, owner: BareJid): ArchiveRow {
  const [, id, atMs, peer, resource, raw] = row
  const read: ArchiveRow = {
    owner,
    id: text(id),
    atMs: number(atMs),
    peer: text(peer) as BareJid,
    raw: bytes(raw),
  }
  return resource === null || resource === undefined ? read : { ...read, peerResource: text(resource) }
}

function walks(check: Dialects): readonly Dialects[] {
  return [
    walk(check, 'all', 'ASC'),
    walk(check, 'all', 'DESC'),
    walk(check, 'peer', 'ASC'),
    walk(check, 'peer', 'DESC'),
  ]
}

/** Pages along an index: of all messages or of one peer's. */
function walk(check: Dialects, filter: 'all' | 'peer', order: 'ASC' | 'DESC'): Dialects {
  const postgresPeer = 'AND r.peer = q.peer AND (q.peer_resource IS NULL OR r.peer_resource = q.peer_resource)'
  const sqlitePeer = 'AND r.peer = :peer AND (:peer_resource IS NULL OR r.peer_resource = :peer_resource)'
  return dialects(
    check,
    // SQLite would take the other index for either, and read past what it does not want
    { postgres: 'archive r', sqlite: [`archive r INDEXED BY archive_by_${filter === 'peer' ? 'peer' : 'id'}`] },
    `r.id > q.after_id COLLATE "C" AND r.id < q.before_id COLLATE "C"
      ${filter === 'peer' ? postgresPeer : ''} ORDER BY r.id ${order} LIMIT q.row_limit`,
    `r.id > :after_id AND r.id < :before_id
      ${filter === 'peer' ? sqlitePeer : ''} ORDER BY r.id ${order} LIMIT :row_limit`,
  )
}

/** The messages of a list of ids, other filters included; their number is bounded by the list. */
function named(): Dialects {
  return dialects(
    knownId,
    // one id after the other: a list as a filter would be held against every message of the owner
    {
      postgres: `(SELECT DISTINCT w.id FROM jsonb_array_elements_text(q.ids) AS w(id)) AS w CROSS JOIN LATERAL
        (SELECT a.* FROM archive a WHERE a.account = q.no AND a.id = w.id COLLATE "C" LIMIT 1) AS r`,
      sqlite: ['archive r INDEXED BY archive_by_id'],
    },
    `r.id > q.after_id COLLATE "C" AND r.id < q.before_id COLLATE "C" AND (q.peer IS NULL OR r.peer = q.peer)
      AND (q.peer_resource IS NULL OR r.peer_resource = q.peer_resource)`,
    `r.id IN (SELECT value FROM json_each(:ids)) AND r.id > :after_id
      AND r.id < :before_id AND (:peer IS NULL OR r.peer = :peer)
      AND (:peer_resource IS NULL OR r.peer_resource = :peer_resource)`,
  )
}

function dialects(check: Dialects, from: Dialects, postgresFilter: string, sqliteFilter: string): Dialects {
  return {
    postgres: `, own AS (SELECT a.no, q.* FROM q LEFT JOIN accounts a ON a.jid = q.owner)
      SELECT NULL::text AS unknown, p.id, p.at_ms, p.peer, p.peer_resource, p.raw, q.n FROM own AS q CROSS JOIN LATERAL (
        SELECT r.id, r.at_ms, r.peer, r.peer_resource, r.raw FROM ${from.postgres}
        WHERE r.account = q.no AND r.at_ms >= q.start_ms AND r.at_ms <= q.end_ms AND ${postgresFilter}
      ) AS p
      ${check.postgres}
      ORDER BY 7, 2`,
    sqlite: [
      ...check.sqlite,
      `SELECT NULL, * FROM (SELECT r.id, r.at_ms, r.peer, r.peer_resource, r.raw FROM ${from.sqlite}
        WHERE r.account = (SELECT no FROM accounts WHERE jid = :owner) AND +r.at_ms >= :start_ms AND +r.at_ms <= :end_ms
          AND ${sqliteFilter}) ORDER BY id`,
    ],
  }
}

function splitFull(full: string): { readonly bare: string; readonly resource: string | null } {
  const slash = full.indexOf('/')
  return slash < 0 ? { bare: full, resource: null } : { bare: full.slice(0, slash), resource: full.slice(slash + 1) }
}

function wholeMs(value: number | undefined, round: (value: number) => number, otherwise: number): number {
  if (value === undefined || Number.isNaN(value)) return otherwise
  return Math.min(latestMs, Math.max(earliestMs, round(value)))
}
