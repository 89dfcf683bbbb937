import type { BareJid } from '@starling/jid'
import { plain } from './named-query.ts'
import { rowLimit, text } from './scalar.ts'

/**
 * The account queries.
 * Order: of several creations of one account in a batch the first stands; of several credentials the last.
 */
export const accountQueries = {
  // A repeated creation with the same credentials is the same creation (R3), so it has the same answer.
  // A new account starts empty: what was written after the deletion of an older one of that name goes.
  'account.create': plain<'account.create'>({
    isWrite: true,
    columns: { jid: 'text', credentials: 'text' },
    encode: ({ jid, credentials }) => [jid, credentials],
    sql: {
      postgres: `, made AS (
          INSERT INTO accounts (jid, credentials)
          SELECT DISTINCT ON (q.jid) q.jid, q.credentials FROM q ORDER BY q.jid, q.n
          ON CONFLICT (jid) DO NOTHING RETURNING jid, credentials
        ), emptied AS (
          DELETE FROM documents d USING made WHERE d.owner = made.jid
        )
        SELECT q.n FROM q LEFT JOIN accounts a ON a.jid = q.jid
        WHERE a.credentials = q.credentials OR (q.jid, q.credentials) IN (SELECT made.jid, made.credentials FROM made)`,
      sqlite: [
        `DELETE FROM documents WHERE owner = :jid AND NOT EXISTS (SELECT 1 FROM accounts WHERE jid = :jid)`,
        `INSERT INTO accounts (jid, credentials) VALUES (:jid, :credentials) ON CONFLICT (jid) DO NOTHING`,
        `SELECT 1 FROM accounts WHERE jid = :jid AND credentials = :credentials`,
      ],
    },
    decode: (rows) => ({ isCreated: rows.length > 0 }),
  }),

  'account.get': plain<'account.get'>({
    isWrite: false,
    columns: { jid: 'text' },
    encode: ({ jid }) => [jid],
    sql: {
      postgres: `SELECT a.credentials, q.n FROM q JOIN accounts a ON a.jid = q.jid`,
      sqlite: [`SELECT credentials FROM accounts WHERE jid = :jid`],
    },
    decode: ([row]) => (row === undefined ? undefined : { credentials: text(row[0]) }),
  }),

  'account.setCredentials': plain<'account.setCredentials'>({
    isWrite: true,
    columns: { jid: 'text', credentials: 'text' },
    encode: ({ jid, credentials }) => [jid, credentials],
    sql: {
      postgres: `, last AS (
          SELECT DISTINCT ON (q.jid) q.jid, q.credentials FROM q ORDER BY q.jid, q.n DESC
        ), changed AS (
          UPDATE accounts a SET credentials = last.credentials FROM last WHERE a.jid = last.jid
        )
        SELECT q.n FROM q JOIN accounts a ON a.jid = q.jid`,
      sqlite: [`UPDATE accounts SET credentials = :credentials WHERE jid = :jid RETURNING 1`],
    },
    decode: (rows) => ({ isFound: rows.length > 0 }),
  }),

  // Of several deletions of one account in a batch the first finds it.
  'account.delete': plain<'account.delete'>({
    isWrite: true,
    isSlow: true,
    columns: { jid: 'text' },
    encode: ({ jid }) => [jid],
    sql: {
      postgres: `, gone AS (
          DELETE FROM accounts a USING (SELECT DISTINCT q.jid FROM q) AS named WHERE a.jid = named.jid RETURNING a.no, a.jid
        ), gone_rosters AS (
          DELETE FROM rosters r USING gone WHERE r.account = gone.no
        ), gone_items AS (
          DELETE FROM roster_items r USING gone WHERE r.account = gone.no
        ), gone_offline AS (
          DELETE FROM offline o USING gone WHERE o.account = gone.no
        ), gone_archive AS (
          DELETE FROM archive r USING gone WHERE r.account = gone.no
        ), gone_documents AS (
          DELETE FROM documents d USING (SELECT DISTINCT q.jid FROM q) AS named WHERE d.owner = named.jid
        )
        SELECT min(q.n) FROM q GROUP BY q.jid HAVING q.jid IN (SELECT gone.jid FROM gone)`,
      sqlite: [
        `DELETE FROM rosters WHERE account = (SELECT no FROM accounts WHERE jid = :jid)`,
        `DELETE FROM roster_items WHERE account = (SELECT no FROM accounts WHERE jid = :jid)`,
        `DELETE FROM offline WHERE account = (SELECT no FROM accounts WHERE jid = :jid)`,
        `DELETE FROM archive WHERE account = (SELECT no FROM accounts WHERE jid = :jid)`,
        `DELETE FROM documents WHERE owner = :jid`,
        `DELETE FROM accounts WHERE jid = :jid RETURNING 1`,
      ],
    },
    decode: (rows) => ({ isFound: rows.length > 0 }),
  }),

  'account.list': plain<'account.list'>({
    isWrite: false,
    maxArgs: 100,
    columns: { after: 'text', row_limit: 'bigint' },
    encode: ({ after, limit }) => [after, rowLimit(limit)],
    sql: {
      postgres: `SELECT l.jid, q.n FROM q CROSS JOIN LATERAL (
          SELECT a.jid FROM accounts a WHERE a.jid > q.after COLLATE "C" ORDER BY a.jid LIMIT q.row_limit
        ) AS l ORDER BY q.n, l.jid`,
      sqlite: [`SELECT jid FROM accounts WHERE jid > :after ORDER BY jid LIMIT :row_limit`],
    },
    decode: (rows) => ({ jids: rows.map((row) => text(row[0]) as BareJid) }),
  }),
} as const
