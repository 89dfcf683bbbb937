import { createHash } from 'node:crypto'
import type { Document } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { plain } from './named-query.ts'
import { bytes, type Row, type Scalar, text } from './scalar.ts'

// A name may come from a client (XEP-0049: any namespace) and be as long as a stanza; PostgreSQL refuses index entries over
// 2,704 bytes. So the key is the name while it is short, else its hash. No XML text holds U+0001: the two never meet.
const maxNameBytes = 255
const hashPrefix = '\u0001'

/**
 * The document queries. An owner needs no account.
 * Order: in a batch the last document of a key stands; of several removals the first finds it. Lists ascend by name (bytewise;
 * names over 255 bytes stand first, in no promised order).
 */
export const documentQueries = {
  'document.get': plain<'document.get'>({
    isWrite: false,
    columns: { owner: 'text', kind: 'text', key: 'text' },
    encode: ({ owner, kind, name }) => [owner, kind, documentKey(name)],
    sql: {
      postgres: `SELECT d.body, q.n FROM q JOIN documents d ON d.owner = q.owner AND d.kind = q.kind AND d.key = q.key`,
      sqlite: [`SELECT body FROM documents WHERE owner = :owner AND kind = :kind AND key = :key`],
    },
    decode: ([row], { owner, kind, name }) =>
      row === undefined ? undefined : { owner, kind, name, body: bytes(row[0]) },
  }),

  'document.list': plain<'document.list'>({
    isWrite: false,
    maxArgs: 100,
    columns: { owner: 'text', kind: 'text' },
    encode: ({ owner, kind }) => [owner, kind],
    sql: {
      postgres: `SELECT d.key, d.name, d.body, q.n FROM q JOIN documents d ON d.owner = q.owner AND d.kind = q.kind
        ORDER BY q.n, d.key`,
      sqlite: [`SELECT key, name, body FROM documents WHERE owner = :owner AND kind = :kind ORDER BY key`],
    },
    decode: (rows, { owner, kind }) => rows.map((row) => readDocument(row, owner, kind)),
  }),

  'document.put': plain<'document.put'>({
    isWrite: true,
    columns: { owner: 'text', kind: 'text', key: 'text', name: 'text', body: 'bytes' },
    encode: ({ owner, kind, name, body }) => [owner, kind, ...keyAndName(name), body],
    sql: {
      postgres: `INSERT INTO documents (owner, kind, key, name, body)
        SELECT DISTINCT ON (q.owner, q.kind, q.key) q.owner, q.kind, q.key, q.name, q.body
        FROM q ORDER BY q.owner, q.kind, q.key, q.n DESC
        ON CONFLICT (owner, kind, key) DO UPDATE SET name = excluded.name, body = excluded.body`,
      sqlite: [
        `INSERT INTO documents (owner, kind, key, name, body) VALUES (:owner, :kind, :key, :name, :body)
        ON CONFLICT (owner, kind, key) DO UPDATE SET name = excluded.name, body = excluded.body`,
      ],
    },
    decode: () => undefined,
  }),

  'document.remove': plain<'document.remove'>({
    isWrite: true,
    columns: { owner: 'text', kind: 'text', key: 'text' },
    encode: ({ owner, kind, name }) => [owner, kind, documentKey(name)],
    sql: {
      postgres: `, named AS (SELECT q.owner, q.kind, q.key, min(q.n) AS n FROM q GROUP BY q.owner, q.kind, q.key)
        DELETE FROM documents d USING named
        WHERE d.owner = named.owner AND d.kind = named.kind AND d.key = named.key RETURNING named.n`,
      sqlite: [`DELETE FROM documents WHERE owner = :owner AND kind = :kind AND key = :key RETURNING 1`],
    },
    decode: (rows) => ({ isFound: rows.length > 0 }),
  }),
} as const

/**
 * The name as the tables key it.
 * Shape: the name itself up to 255 bytes of UTF-8, else U+0001 and its SHA-256 in hexadecimal.
 */
export function documentKey(name: string): string {
  if (name.length * 3 <= maxNameBytes || Buffer.byteLength(name) <= maxNameBytes) return name
  return hashPrefix + createHash('sha256').update(name).digest('hex')
}

function keyAndName(name: string): readonly [Scalar, Scalar] {
  const key = documentKey(name)
  return [key, key === name ? null : name]
}

/** Reads a document from a row of key, name, body. */
export function readDocument(row: Row, owner: BareJid, kind: string): Document {
  const [key, name, body] = row
  return { owner, kind, name: name === null ? text(key) : text(name), body: bytes(body) }
}
