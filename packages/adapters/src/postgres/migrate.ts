import { StorageError } from '@starling/core'
import type pg from 'pg'
import { migrations, schemaVersion, tooNew } from '../queries/migrations.ts'
import { inTransaction } from './connections.ts'

// One pod at a time changes the schema; the others wait, and find nothing left to do.
const migrationLock = 0x5354_4152_0001

/**
 * Brings the tables to the newest schema, in one transaction; returns the schema it found.
 * Errors: STORAGE_FAILED if the database is not in UTF-8 or a newer Starling changed it.
 */
export function migrate(pool: pg.Pool): Promise<number> {
  return inTransaction(pool, async (client) => {
    await client.query('SET LOCAL statement_timeout = 0')
    await client.query('SELECT pg_advisory_xact_lock($1)', [migrationLock])
    const encoding = await client.query<{ server_encoding: string }>('SHOW server_encoding')
    if (encoding.rows[0]?.server_encoding !== 'UTF8') {
      throw new StorageError(
        'STORAGE_FAILED',
        `the database is in ${encoding.rows[0]?.server_encoding}, Starling needs UTF8: CREATE DATABASE ... ENCODING 'UTF8'`,
      )
    }
    await client.query(
      'CREATE TABLE IF NOT EXISTS migrations (number int PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL)',
    )
    const found = await client.query<{ found: number }>('SELECT coalesce(max(number), 0) AS found FROM migrations')
    const from = found.rows[0]?.found ?? 0
    if (from > schemaVersion) throw new StorageError('STORAGE_FAILED', tooNew(from))
    for (const { number, name, postgres } of migrations.slice(from)) {
      for (const sql of postgres) await client.query(sql)
      await client.query('INSERT INTO migrations VALUES ($1, $2, now())', [number, name])
    }
    return from
  })
}
