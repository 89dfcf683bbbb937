import { StorageError } from '@starling/core'
import pg from 'pg'

/** Units: calls that wait for a connection, at most; what comes then is refused with STORAGE_DOWN. */
export const MAX_WAITING_CALLS = 1000

const connectTimeoutMs = 5000
// The server ends a statement at its timeout; a server that does not answer at all is given up this much later.
const silenceMs = 2000

// Every query here is keyed, and every plan is to walk an index however small or unanalysed the table was when the plan was
// made: what costs a millisecond too much on an empty table would cost seconds on a full one. A plan is made once a connection.
const planner = [
  'plan_cache_mode=force_generic_plan',
  'jit=off',
  'enable_seqscan=off',
  'enable_bitmapscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'enable_material=off',
]

/** What the pool needs to know. */
export interface ConnectionsOptions {
  readonly url: string
  readonly poolSize: number
  readonly statementTimeoutMs: number
  /** A connection that nobody used was lost. */
  readonly onLost: (reason: string) => void
}

/** The pool of connections. It never throws outside of a call. */
export function connections(options: ConnectionsOptions): pg.Pool {
  const settings = [...planner, `statement_timeout=${options.statementTimeoutMs}`]
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: options.statementTimeoutMs + silenceMs,
    application_name: 'starling',
    keepAlive: true,
    allowExitOnIdle: true,
    options: settings.map((setting) => `-c ${setting}`).join(' '),
    types: { getTypeParser: parserOf as typeof pg.types.getTypeParser },
  })
  pool.on('error', (error) => options.onLost(error.message))
  // A connection in use says its error twice: to the call, and here
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

/** Runs work on one connection; one that broke, or may still be busy, is not used again. */
export async function onConnection<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  if (pool.waitingCount >= MAX_WAITING_CALLS)
    throw new StorageError('STORAGE_DOWN', 'too many calls wait for the database')
  let client: pg.PoolClient | undefined
  try {
    client = await pool.connect()
    const value = await work(client)
    client.release()
    return value
  } catch (error) {
    client?.release(true)
    throw storageError(error)
  }
}

/** Runs work in a transaction of its own. */
export function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  return onConnection(pool, async (client) => {
    await client.query('BEGIN')
    const value = await work(client)
    await client.query('COMMIT')
    return value
  })
}

// SQLSTATE classes and codes of trouble that may pass: connection, sign-in, no such database yet, resources, operator's
// intervention and timeouts, deadlocks, locks not available, a server that is a standby for now.
const passing = /^(?:08|28|3D|53|57|58|40|55P03|25006)/

/** Says of any error whether the database is away or something is wrong. */
export function storageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error
  const message = error instanceof Error ? describe(error) : String(error)
  if (error instanceof pg.DatabaseError) {
    return new StorageError(passing.test(error.code ?? '') ? 'STORAGE_DOWN' : 'STORAGE_FAILED', message, error)
  }
  const isBug = error instanceof TypeError || error instanceof RangeError
  return new StorageError(isBug ? 'STORAGE_FAILED' : 'STORAGE_DOWN', message, error)
}

// A host with several addresses fails with one error a try and no words of its own
function describe(error: Error): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(String).join('; ')
  return error.message
}

const int8 = 20
const int2 = 21
const int4 = 23
const bool = 16
const bytea = 17

function parserOf(oid: number): (value: string) => unknown {
  if (oid === int8 || oid === int4 || oid === int2) return Number
  if (oid === bool) return (value) => value === 't'
  if (oid === bytea) return (value) => Buffer.from(value.slice(2), 'hex')
  return (value) => value
}
