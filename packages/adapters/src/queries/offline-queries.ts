import type { QueryResult } from '@starling/core'
import { plain } from './named-query.ts'
import { bytes, number, type Row, rowLimit, text } from './scalar.ts'

/** How much older than one just removed a row without bytes is when it goes. Units: ms. */
const KEPT_REMOVED_MS = 86_400_000

/**
 * The queries of offline stanzas. Source: XEP-0160.
 * Shape: a removed one leaves its row without bytes behind, so that it cannot be added again (R3: an owner of yesterday may try);
 * such rows go when one a day younger is removed.
 * Order: arguments of one owner count in their order; all of one owner in a batch are expected to name the same `maxStanzas`.
 */
export const offlineQueries = {
  'offline.add': plain<'offline.add'>({
    isWrite: true,
    columns: { owner: 'text', id: 'text', at_ms: 'bigint', raw: 'bytes', max_stanzas: 'bigint' },
    encode: ({ owner, id, atMs, raw, maxStanzas }) => [owner, id, Math.trunc(atMs), raw, rowLimit(maxStanzas)],
    sql: {
      postgres: `, fresh AS (
          SELECT DISTINCT ON (a.no, q.id) a.no AS account, q.id, q.at_ms, q.raw, q.max_stanzas, q.n
          FROM q JOIN accounts a ON a.jid = q.owner
          LEFT JOIN offline o ON o.account = a.no AND o.id = q.id WHERE o.id IS NULL
          ORDER BY a.no, q.id, q.n
        ), placed AS (
          SELECT fresh.*, row_number() OVER (PARTITION BY fresh.account ORDER BY fresh.n) AS place FROM fresh
        ), ranked AS (
          SELECT p.*, p.place + max(CASE WHEN p.place = 1 THEN
            (SELECT count(*) FROM offline o WHERE o.account = p.account AND length(o.raw) > 0) END) OVER (PARTITION BY p.account) AS total
          FROM placed AS p
        ), made AS (
          INSERT INTO offline (account, id, at_ms, raw)
          SELECT r.account, r.id, r.at_ms, r.raw FROM ranked r WHERE r.total <= r.max_stanzas ORDER BY r.account, r.id
          ON CONFLICT (account, id) DO NOTHING RETURNING account, id
        )
        SELECT CASE WHEN a.no IS NULL THEN 'no-account'
          WHEN o.id IS NOT NULL OR (a.no, q.id) IN (SELECT made.account, made.id FROM made) THEN 'stored'
          ELSE 'full' END, q.n
        FROM q LEFT JOIN accounts a ON a.jid = q.owner LEFT JOIN offline o ON o.account = a.no AND o.id = q.id`,
      sqlite: [
        `INSERT INTO offline (account, id, at_ms, raw) SELECT a.no, :id, :at_ms, :raw FROM accounts a
        WHERE a.jid = :owner AND (SELECT count(*) FROM offline o WHERE o.account = a.no AND length(o.raw) > 0) < :max_stanzas
        ON CONFLICT (account, id) DO NOTHING`,
        `SELECT CASE WHEN a.no IS NULL THEN 'no-account'
          WHEN EXISTS (SELECT 1 FROM offline o WHERE o.account = a.no AND o.id = :id) THEN 'stored'
          ELSE 'full' END
        FROM (SELECT 1) LEFT JOIN accounts a ON a.jid = :owner`,
      ],
    },
    decode: ([row]) => readOutcome(row),
  }),

  'offline.page': plain<'offline.page'>({
    isWrite: false,
    maxArgs: 100,
    columns: { owner: 'text', after_id: 'text', row_limit: 'bigint' },
    encode: ({ owner, afterId, limit }) => [owner, afterId, rowLimit(limit)],
    sql: {
      postgres: `SELECT p.id, p.at_ms, p.raw, q.n FROM q JOIN accounts a ON a.jid = q.owner CROSS JOIN LATERAL (
          SELECT o.id, o.at_ms, o.raw FROM offline o WHERE o.account = a.no AND o.id > q.after_id COLLATE "C"
          AND length(o.raw) > 0 ORDER BY o.id LIMIT q.row_limit
        ) AS p ORDER BY q.n, p.id`,
      sqlite: [
        `SELECT o.id, o.at_ms, o.raw FROM accounts a JOIN offline o ON o.account = a.no
        WHERE a.jid = :owner AND o.id > :after_id AND length(o.raw) > 0 ORDER BY o.id LIMIT :row_limit`,
      ],
    },
    decode: (rows, { owner }) =>
      rows.map((row) => ({ owner, id: text(row[0]), atMs: number(row[1]), raw: bytes(row[2]) })),
  }),

  'offline.remove': plain<'offline.remove'>({
    isWrite: true,
    columns: { owner: 'text', id: 'text' },
    encode: ({ owner, id }) => [owner, id],
    sql: {
      postgres: `, gone AS (
          UPDATE offline o SET raw = '' FROM q JOIN accounts a ON a.jid = q.owner
          WHERE o.account = a.no AND o.id = q.id RETURNING o.account, o.at_ms
        ), youngest AS (
          SELECT account, max(at_ms) AS at_ms FROM gone GROUP BY account
        )
        DELETE FROM offline o USING youngest y
        WHERE o.account = y.account AND length(o.raw) = 0 AND o.at_ms < y.at_ms - ${KEPT_REMOVED_MS}`,
      sqlite: [
        `UPDATE offline SET raw = x'' WHERE account = (SELECT no FROM accounts WHERE jid = :owner) AND id = :id`,
        `DELETE FROM offline WHERE account = (SELECT no FROM accounts WHERE jid = :owner) AND length(raw) = 0 AND at_ms <
          (SELECT o.at_ms FROM accounts a JOIN offline o ON o.account = a.no WHERE a.jid = :owner AND o.id = :id) - ${KEPT_REMOVED_MS}`,
      ],
    },
    decode: () => undefined,
  }),

  'offline.count': plain<'offline.count'>({
    isWrite: false,
    columns: { owner: 'text' },
    encode: ({ owner }) => [owner],
    sql: {
      postgres: `SELECT (SELECT count(*) FROM offline o WHERE o.account = a.no AND length(o.raw) > 0), q.n
        FROM q JOIN accounts a ON a.jid = q.owner`,
      sqlite: [
        `SELECT count(*) FROM offline WHERE account = (SELECT no FROM accounts WHERE jid = :owner) AND length(raw) > 0`,
      ],
    },
    decode: ([row]) => (row === undefined ? 0 : number(row[0])),
  }),
} as const

function readOutcome(row: Row | undefined): QueryResult<'offline.add'> {
  const outcome = text(row?.[0])
  if (outcome === 'stored') return { isStored: true }
  return { isStored: false, reason: outcome === 'no-account' ? 'no-account' : 'full' }
}
