import { type QueryArgs, type QueryName, type QueryResult, type Storage, StorageError } from '@starling/core'
import type pg from 'pg'
import { Health } from '../queries/health.ts'
import { schemaVersion } from '../queries/migrations.ts'
import { namedQueries, type Portion, portions } from '../queries/named-queries.ts'
import type { NamedQuery } from '../queries/named-query.ts'
import { number, type Row } from '../queries/scalar.ts'
import type { StorageEvent } from '../queries/storage-event.ts'
import { connections, onConnection } from './connections.ts'
import { gathered } from './gather.ts'
import { migrate } from './migrate.ts'
import { isNoPartition, Partitions } from './partitions.ts'
import { statement } from './statement.ts'

export type { StorageEvent } from '../queries/storage-event.ts'

/** Where the cluster's database is. */
export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`, with libpq's parameters (sslmode…) after a question mark. */
  readonly url: string
  /** Units: connections, at most. */
  readonly poolSize?: number
  /** Units: ms; deletions of accounts and changes of the schema are excepted. */
  readonly statementTimeoutMs?: number
  readonly onEvent?: (event: StorageEvent) => void
}

// Units: ms; a statement that has no timeout is given up all the same.
const slowTimeoutMs = 3_600_000

/**
 * The storage port on PostgreSQL: one statement a batch.
 * Order: none between calls that are under way together; a call sees those that had resolved when it was made.
 * Errors: STORAGE_DOWN while the server is away, refuses connections, is a standby, or takes longer than the timeout.
 */
export function postgresStorage(options: PostgresOptions): Storage {
  return new PostgresStorage(options)
}

class PostgresStorage implements Storage {
  readonly #pool: pg.Pool
  readonly #health: Health
  readonly #partitions: Partitions
  readonly #onEvent: (event: StorageEvent) => void
  #closed: Promise<void> | undefined

  constructor({ url, poolSize = 4, statementTimeoutMs = 10_000, onEvent = () => undefined }: PostgresOptions) {
    this.#onEvent = onEvent
    this.#pool = connections({ url, poolSize, statementTimeoutMs, onLost: (reason) => this.#health.down(reason) })
    this.#health = new Health({ onEvent, probe: () => this.#call((client) => client.query('SELECT 1')) })
    this.#partitions = new Partitions(this.#pool, onEvent)
    this.#health.start()
  }

  readonly run: Storage['run'] = gathered((name, batch) => this.#run(name, batch), setImmediate)

  async #run<N extends QueryName>(name: N, batch: readonly QueryArgs<N>[]): Promise<readonly QueryResult<N>[]> {
    const query: NamedQuery<N> = namedQueries[name]
    const results: QueryResult<N>[] = new Array(batch.length)
    for (const portion of portions(name, batch)) {
      const rows = await this.#portion(name, portion)
      portion.places.forEach((place, index) => {
        results[place] = query.decode(rows[index] ?? [], batch[place] as QueryArgs<N>)
      })
    }
    return results
  }

  readonly migrate = async (): Promise<void> => {
    const from = await this.#watched(migrate(this.#pool))
    if (from !== schemaVersion) this.#onEvent({ what: 'storage.migrated', from, to: schemaVersion })
  }

  readonly isUp = (): boolean => this.#health.isUp

  readonly close = (): Promise<void> => {
    this.#health.close()
    this.#closed ??= this.#pool.end()
    return this.#closed
  }

  /** Runs one statement; returns the rows of each argument, as the portion's places. */
  async #portion(name: QueryName, portion: Portion): Promise<readonly (readonly Row[])[]> {
    if (name === 'archive.add') return this.#archive(portion)
    const rows = await this.#rows(name, portion)
    if (name === 'archive.retain') {
      const names = rows.flat().map((row) => String(row[0]))
      const gone = await this.#watched(this.#partitions.drop(names, number(portion.values[0]?.[0])))
      return [[...rows.flat(), [gone]]]
    }
    return rows
  }

  async #archive(portion: Portion): Promise<readonly (readonly Row[])[]> {
    const times = portion.values.map((values) => number(values[2]))
    await this.#watched(this.#partitions.ensure(times))
    try {
      return await this.#rows('archive.add', portion)
    } catch (error) {
      // Retention of another pod dropped a partition this one knew
      if (!(error instanceof StorageError && isNoPartition(error.cause))) throw error
      this.#partitions.forget()
      await this.#watched(this.#partitions.ensure(times))
      return this.#rows('archive.add', portion)
    }
  }

  async #rows(name: QueryName, portion: Portion): Promise<readonly (readonly Row[])[]> {
    const prepared: pg.QueryArrayConfig = { ...statement(name, portion), rowMode: 'array' }
    const isSlow = namedQueries[name].isSlow === true
    const { rows } = await this.#call((client) =>
      isSlow ? slowly(client, prepared) : client.query<Row[], Row[]>(prepared),
    )
    const grouped: Row[][] = portion.places.map(() => [])
    for (const row of rows as Row[]) grouped[number(row.at(-1)) - 1]?.push(row)
    return grouped
  }

  #call<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return this.#watched(onConnection(this.#pool, work))
  }

  async #watched<T>(pending: Promise<T>): Promise<T> {
    try {
      const value = await pending
      this.#health.up()
      return value
    } catch (error) {
      if (error instanceof StorageError && error.code === 'STORAGE_DOWN') this.#health.down(error.message)
      throw error
    }
  }
}

async function slowly(client: pg.PoolClient, prepared: pg.QueryArrayConfig): Promise<pg.QueryArrayResult> {
  await client.query('BEGIN')
  await client.query('SET LOCAL statement_timeout = 0')
  const result = await client.query({ ...prepared, query_timeout: slowTimeoutMs } as pg.QueryArrayConfig)
  await client.query('COMMIT')
  return result
}
