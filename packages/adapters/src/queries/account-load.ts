import { readDocument } from './document-queries.ts'
import { plain } from './named-query.ts'
import { readItem } from './roster-queries.ts'
import { type Row, text } from './scalar.ts'

// What a row is about, in its first column
const isAccount = 'a'
const isRoster = 'r'
const isDocument = 'd'

const rosterColumns =
  'r.version, i.jid, i.name, i.group_names, i.subscription, i.ask, i.request, i.approved, i.is_listed'

/**
 * What is needed of an account whose client signs in. One query for what three would tell: a statement costs ten times what a row in
 * it does, and each is a wait.
 * Shape: rows of what it is about, then version, JID and the rest of a roster item (nulls in a roster without items), or key, name
 * and body of a document; one row of the account itself, so that one without either is told from none.
 * Source: RFC 6121 §2.
 */
export const accountLoadQueries = {
  'account.load': plain<'account.load'>({
    isWrite: false,
    maxArgs: 100,
    columns: { owner: 'text', kind: 'text' },
    encode: ({ owner, kind }) => [owner, kind],
    sql: {
      postgres: `, own AS (SELECT q.n, q.owner, q.kind, a.no FROM q JOIN accounts a ON a.jid = q.owner)
        SELECT '${isAccount}' AS about, NULL::text AS first, NULL::text COLLATE "C" AS second, NULL::text, NULL::text,
          NULL::text, NULL::boolean, NULL::bytea, NULL::boolean, NULL::boolean, own.n FROM own
        UNION ALL
        SELECT '${isRoster}', r.version, i.jid COLLATE "C", i.name, i.group_names, i.subscription, i.ask, i.request,
          i.approved, i.is_listed, own.n
        FROM own JOIN rosters r ON r.account = own.no LEFT JOIN roster_items i ON i.account = own.no
        UNION ALL
        SELECT '${isDocument}', d.name, d.key COLLATE "C", NULL, NULL, NULL, NULL, d.body, NULL, NULL, own.n
        FROM own JOIN documents d ON d.owner = own.owner AND d.kind = own.kind
        ORDER BY 11, 1, 3`,
      sqlite: [
        `SELECT '${isAccount}' FROM accounts WHERE jid = :owner`,
        `SELECT '${isRoster}', ${rosterColumns} FROM accounts a JOIN rosters r ON r.account = a.no
        LEFT JOIN roster_items i ON i.account = a.no WHERE a.jid = :owner ORDER BY i.jid`,
        `SELECT '${isDocument}', name, key, NULL, NULL, NULL, NULL, body FROM documents
        WHERE owner = :owner AND kind = :kind ORDER BY key`,
      ],
    },
    decode: (rows, { owner, kind }) => {
      if (!rows.some(([about]) => about === isAccount)) return undefined
      const items = rows.filter(([about]) => about === isRoster).map(([, ...item]) => item)
      const documents = rows.filter(([about]) => about === isDocument)
      return {
        roster: {
          version: items[0] === undefined ? '' : text(items[0][0]),
          items: items.filter((row) => row[1] !== null).map(readItem),
        },
        documents: documents.map(([, name = null, key = null, , , , , body = null]) =>
          readDocument([key, name, body] satisfies Row, owner, kind),
        ),
      }
    },
  }),
} as const
