import type { ArchiveBounds } from '@starling/core'
import { plain } from './named-query.ts'
import { number, type Row, type Scalar, text } from './scalar.ts'

/** Units: rows that one `archive.retain` of SQLite removes in one transaction. */
export const RETAIN_CHUNK_ROWS = 500

/**
 * The archive's writes and its bounds; its pages are in archive-page.ts.
 * Source: XEP-0313.
 */
export const archiveQueries = {
  'archive.add': plain<'archive.add'>({
    isWrite: true,
    columns: { owner: 'text', id: 'text', at_ms: 'bigint', peer: 'text', peer_resource: 'text', raw: 'bytes' },
    encode: (row) => [row.owner, row.id, Math.trunc(row.atMs), row.peer, row.peerResource ?? null, row.raw],
    sql: {
      postgres: `INSERT INTO archive (account, id, at_ms, peer, peer_resource, raw)
        SELECT a.no, q.id, q.at_ms, q.peer, q.peer_resource, q.raw FROM q JOIN accounts a ON a.jid = q.owner
        ON CONFLICT DO NOTHING`,
      sqlite: [
        `INSERT INTO archive (account, id, at_ms, peer, peer_resource, raw)
        SELECT no, :id, :at_ms, :peer, :peer_resource, :raw FROM accounts WHERE jid = :owner ON CONFLICT DO NOTHING`,
      ],
    },
    decode: () => undefined,
  }),

  'archive.bounds': plain<'archive.bounds'>({
    isWrite: false,
    columns: { owner: 'text' },
    encode: ({ owner }) => [owner],
    sql: {
      postgres: `SELECT f.id, f.at_ms, l.id, l.at_ms, q.n FROM q JOIN accounts a ON a.jid = q.owner
        CROSS JOIN LATERAL (SELECT r.id, r.at_ms FROM archive r WHERE r.account = a.no ORDER BY r.id LIMIT 1) AS f
        CROSS JOIN LATERAL (SELECT r.id, r.at_ms FROM archive r WHERE r.account = a.no ORDER BY r.id DESC LIMIT 1) AS l`,
      sqlite: [
        `SELECT * FROM (SELECT r.id, r.at_ms FROM accounts a JOIN archive r ON r.account = a.no
          WHERE a.jid = :owner ORDER BY r.id LIMIT 1),
        (SELECT r.id, r.at_ms FROM accounts a JOIN archive r ON r.account = a.no
          WHERE a.jid = :owner ORDER BY r.id DESC LIMIT 1)`,
      ],
    },
    decode: ([row]) => readBounds(row),
  }),

  // PostgreSQL: finds the partitions that hold nothing younger, and the adapter drops them. SQLite: one chunk of rows; the
  // adapter repeats it until a chunk is not full.
  'archive.retain': plain<'archive.retain'>({
    isWrite: true,
    maxArgs: 1,
    columns: { before_ms: 'bigint' },
    encode: ({ beforeMs }): readonly Scalar[] => [Math.trunc(beforeMs)],
    sql: {
      postgres: `SELECT p.name, q.n FROM q JOIN archive_parts p ON p.end_ms <= q.before_ms ORDER BY p.end_ms`,
      sqlite: [
        `DELETE FROM archive WHERE rowid IN
          (SELECT rowid FROM archive WHERE at_ms < :before_ms ORDER BY at_ms LIMIT ${RETAIN_CHUNK_ROWS}) RETURNING 1`,
      ],
    },
    // a part's name counts one, a number counts itself
    decode: (rows) => rows.reduce((sum, [part]) => sum + (typeof part === 'number' ? part : 1), 0),
  }),
} as const

function readBounds(row: Row | undefined): ArchiveBounds {
  if (row === undefined) return {}
  const [firstId, firstAtMs, lastId, lastAtMs] = row
  return {
    first: { id: text(firstId), atMs: number(firstAtMs) },
    last: { id: text(lastId), atMs: number(lastAtMs) },
  }
}
