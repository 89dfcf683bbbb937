import type { BareJid } from '@starling/jid'
import { startInfrastructure } from '@starling/testkit'
import type pg from 'pg'
import { connections } from '../postgres/connections.ts'
import { type FreshDatabase, freshDatabase } from '../postgres/fresh-database.ts'
import { postgresStorage } from '../postgres/postgres.ts'

/** Databases of both sizes on one server. */
export interface FilledServer {
  readonly small: FilledDatabase
  readonly large: FilledDatabase
  readonly stop: () => Promise<void>
}

/** A database with so many accounts, and one connection to it. */
export interface FilledDatabase {
  readonly accounts: number
  /** Any account; those with a roster and an archive are one in `richEvery`. */
  readonly jid: (place: number) => BareJid
  readonly pool: pg.Pool
  /** Of the server's process for the connection. */
  readonly pid: number
}

/** One account in so many has a roster, settings and an archive. */
export const richEvery = 20
/** Items of such a roster, and messages of such an archive. */
export const perRich = 20
/** Time of the archive's newest message. Units: ms; 2026-11-20. */
export const newestAtMs: number = Date.UTC(2026, 10, 20)

// As long as what is stored of a password: two salted pairs of keys
const credentialsBytes = 300
const rawBytes = 500

/**
 * Starts a server with memory for what is asked of it, as one for a million accounts would be given, and fills two databases.
 * Shape: each account is like any other, whatever their number, so a query on one returns as much in a small database as in a large
 * one: of 20 accounts one has a roster of 20, a setting and 20 messages, another 5 offline messages. Everything is in the server's
 * memory, as after a day's work, and no janitor of its own comes between.
 */
export async function filledServer(directory: string, sizes: { small: number; large: number }): Promise<FilledServer> {
  const first = await startInfrastructure({ directory, postgres: true })
  const port = Number(new URL(first.urls.postgres).port)
  const databases: FreshDatabase[] = []
  try {
    for (const accounts of [sizes.small, sizes.large]) {
      const database = await freshDatabase(first.urls.postgres)
      databases.push(database)
      await fill(database, accounts)
    }
    const told = { shared_buffers: '3GB', autovacuum: 'off', max_wal_size: '16GB', checkpoint_timeout: '30min' }
    for (const [name, value] of Object.entries(told)) {
      await databases[0]?.sql(`ALTER SYSTEM SET ${name} = '${value}'`)
    }
  } finally {
    await first.stop()
  }
  const server = await startInfrastructure({ directory, postgres: true, portBase: port })
  try {
    const at = (place: number): string => {
      const url = new URL(databases[place]?.url ?? '')
      url.port = new URL(server.urls.postgres).port
      return url.href
    }
    const small = await warmed(at(0), sizes.small)
    const large = await warmed(at(1), sizes.large)
    const stop = async (): Promise<void> => {
      for (const { pool } of [small, large]) await pool.end()
      await server.stop()
    }
    return { small, large, stop }
  } catch (error) {
    await server.stop()
    throw error
  }
}

const jid = (place: number): BareJid => `user-${place}@bench.test` as BareJid

async function fill(database: FreshDatabase, accounts: number): Promise<void> {
  const storage = postgresStorage({ url: database.url, poolSize: 1 })
  await storage.migrate()
  // its month's partition is made by the code that makes them
  const row = { owner: jid(0), id: '0', atMs: newestAtMs, peer: jid(1), raw: new Uint8Array(1) }
  await storage.run('account.create', [{ jid: jid(0), credentials: '' }])
  await storage.run('archive.add', [row])
  await storage.close()
  for (const sql of [...fillSql(accounts), 'VACUUM ANALYZE', 'CHECKPOINT']) await database.sql(sql)
}

/** Connects, and has the connection's process read everything, so that it finds each page in the server's memory and in its own map. */
async function warmed(url: string, accounts: number): Promise<FilledDatabase> {
  const pool = connections({ url, poolSize: 1, statementTimeoutMs: 60_000, onLost: () => undefined })
  await pool.query('CREATE EXTENSION pg_prewarm')
  await pool.query(
    `SELECT sum(pg_prewarm(c.oid)) FROM pg_class c WHERE c.relkind IN ('r', 'i') AND c.relnamespace = 'public'::regnamespace`,
  )
  const { rows } = await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  return { accounts, jid, pool, pid: rows[0]?.pid ?? 0 }
}

function fillSql(accounts: number): readonly string[] {
  const rich = `SELECT a.no, a.jid, substring(a.jid FROM 6 FOR position('@' IN a.jid) - 6)::int AS place FROM accounts a`
  const isRich = `r.place % ${richEvery} = 0`
  return [
    `INSERT INTO accounts (jid, credentials) SELECT 'user-' || i || '@bench.test', repeat('k', ${credentialsBytes})
      FROM generate_series(1, ${accounts - 1}) AS i`,
    `INSERT INTO rosters (account, version) SELECT r.no, '00000000001-0001' FROM (${rich}) AS r WHERE ${isRich}`,
    `INSERT INTO roster_items (account, jid, name, group_names, subscription, ask, approved, is_listed)
      SELECT r.no, 'user-' || ((r.place + k * 7919) % ${accounts}) || '@bench.test', 'Name of a friend', '["Friends"]', 'both',
        false, false, true
      FROM generate_series(1, ${perRich}) AS k CROSS JOIN (${rich}) AS r WHERE ${isRich}`,
    `INSERT INTO documents (owner, kind, key, body) SELECT r.jid, 'slice', 'XEP-0313', '{"default":"always"}'
      FROM (${rich}) AS r WHERE ${isRich}`,
    `INSERT INTO offline (account, id, at_ms, raw)
      SELECT r.no, '1' || lpad((k * ${accounts} + r.place)::text, 15, '0'), ${newestAtMs}, convert_to(repeat('x', ${rawBytes}), 'UTF8')
      FROM generate_series(1, 5) AS k CROSS JOIN (${rich}) AS r WHERE r.place % ${richEvery} = 10`,
    // In the order of time, as messages come: those of one owner lie apart
    `INSERT INTO archive (account, at_ms, id, peer, raw)
      SELECT r.no, ${newestAtMs} - 3600000 + k * 1000, '1' || lpad((k::bigint * ${accounts} + r.place)::text, 15, '0'),
        'user-' || ((r.place + (k % 4) * 7919) % ${accounts}) || '@bench.test', convert_to(repeat('x', ${rawBytes}), 'UTF8')
      FROM generate_series(1, ${perRich}) AS k CROSS JOIN (${rich}) AS r WHERE ${isRich}`,
  ]
}
