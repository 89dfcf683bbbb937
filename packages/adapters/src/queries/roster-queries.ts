import type { RosterItem } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { plain } from './named-query.ts'
import { boolean, bytes, jsonTexts, type Row, text } from './scalar.ts'

/**
 * The roster queries. A roster belongs to an account: changes for an owner without one are ignored.
 * Order: in a batch the last change of an item stands, and the last version of an owner.
 * Source: RFC 6121 §2.
 */
export const rosterQueries = {
  'roster.load': plain<'roster.load'>({
    isWrite: false,
    maxArgs: 100,
    columns: { owner: 'text' },
    encode: ({ owner }) => [owner],
    sql: {
      postgres: `SELECT r.version, i.jid, i.name, i.group_names, i.subscription, i.ask, i.request, i.approved, i.is_listed, q.n
        FROM q JOIN accounts a ON a.jid = q.owner JOIN rosters r ON r.account = a.no
        LEFT JOIN roster_items i ON i.account = a.no ORDER BY q.n, i.jid`,
      sqlite: [
        `SELECT r.version, i.jid, i.name, i.group_names, i.subscription, i.ask, i.request, i.approved, i.is_listed
        FROM accounts a JOIN rosters r ON r.account = a.no
        LEFT JOIN roster_items i ON i.account = a.no WHERE a.jid = :owner ORDER BY i.jid`,
      ],
    },
    decode: (rows) => ({
      version: rows[0] === undefined ? '' : text(rows[0][0]),
      items: rows.filter((row) => row[1] !== null).map(readItem),
    }),
  }),

  'roster.put': plain<'roster.put'>({
    isWrite: true,
    columns: {
      owner: 'text',
      version: 'text',
      jid: 'text',
      name: 'text',
      group_names: 'text',
      subscription: 'text',
      ask: 'boolean',
      request: 'bytes',
      approved: 'boolean',
      is_listed: 'boolean',
    },
    encode: ({ owner, version, item }) => [
      owner,
      version,
      item.jid,
      item.name,
      jsonTexts(item.groups),
      item.subscription,
      item.ask,
      item.request ?? null,
      item.approved,
      item.isListed,
    ],
    sql: {
      postgres: `, versions AS (
          INSERT INTO rosters (account, version)
          SELECT DISTINCT ON (a.no) a.no, q.version FROM q JOIN accounts a ON a.jid = q.owner ORDER BY a.no, q.n DESC
          ON CONFLICT (account) DO UPDATE SET version = excluded.version
        )
        INSERT INTO roster_items (account, jid, name, group_names, subscription, ask, request, approved, is_listed)
        SELECT DISTINCT ON (a.no, q.jid)
          a.no, q.jid, q.name, q.group_names, q.subscription, q.ask, q.request, q.approved, q.is_listed
        FROM q JOIN accounts a ON a.jid = q.owner ORDER BY a.no, q.jid, q.n DESC
        ON CONFLICT (account, jid) DO UPDATE SET name = excluded.name, group_names = excluded.group_names,
          subscription = excluded.subscription, ask = excluded.ask, request = excluded.request,
          approved = excluded.approved, is_listed = excluded.is_listed`,
      sqlite: [
        `INSERT INTO rosters (account, version) SELECT no, :version FROM accounts WHERE jid = :owner
        ON CONFLICT (account) DO UPDATE SET version = excluded.version`,
        `INSERT INTO roster_items (account, jid, name, group_names, subscription, ask, request, approved, is_listed)
        SELECT no, :jid, :name, :group_names, :subscription, :ask, :request, :approved, :is_listed
        FROM accounts WHERE jid = :owner
        ON CONFLICT (account, jid) DO UPDATE SET name = excluded.name, group_names = excluded.group_names,
          subscription = excluded.subscription, ask = excluded.ask, request = excluded.request,
          approved = excluded.approved, is_listed = excluded.is_listed`,
      ],
    },
    decode: () => undefined,
  }),

  'roster.remove': plain<'roster.remove'>({
    isWrite: true,
    columns: { owner: 'text', version: 'text', jid: 'text' },
    encode: ({ owner, version, jid }) => [owner, version, jid],
    sql: {
      postgres: `, versions AS (
          INSERT INTO rosters (account, version)
          SELECT DISTINCT ON (a.no) a.no, q.version FROM q JOIN accounts a ON a.jid = q.owner ORDER BY a.no, q.n DESC
          ON CONFLICT (account) DO UPDATE SET version = excluded.version
        )
        DELETE FROM roster_items i USING q JOIN accounts a ON a.jid = q.owner WHERE i.account = a.no AND i.jid = q.jid`,
      sqlite: [
        `INSERT INTO rosters (account, version) SELECT no, :version FROM accounts WHERE jid = :owner
        ON CONFLICT (account) DO UPDATE SET version = excluded.version`,
        `DELETE FROM roster_items WHERE account = (SELECT no FROM accounts WHERE jid = :owner) AND jid = :jid`,
      ],
    },
    decode: () => undefined,
  }),
} as const

/** Reads an item from a row of version, JID, name, groups, subscription, ask, request, approved, listed. */
export function readItem(row: Row): RosterItem {
  const [, jid, name, groups, subscription, ask, request, approved, isListed] = row
  const item: RosterItem = {
    jid: text(jid) as BareJid,
    name: text(name),
    groups: JSON.parse(text(groups)) as readonly string[],
    subscription: text(subscription) as RosterItem['subscription'],
    ask: boolean(ask),
    approved: boolean(approved),
    isListed: boolean(isListed),
  }
  return request === null ? item : { ...item, request: bytes(request) }
}
