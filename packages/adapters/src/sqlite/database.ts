import { mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { migrations, schemaVersion, tooNew } from '../queries/migrations.ts'
import { namedQueries } from '../queries/named-queries.ts'
import type { NamedQuery } from '../queries/named-query.ts'
import { numbered } from '../queries/named-query.ts'
import type { Row, Scalar } from '../queries/scalar.ts'
import { type Answer, type Call, pack, unpack } from './frame.ts'

// The log of writes is folded into the file after this many pages (32 MiB): every 1,000, as SQLite does unasked, costs 1.5
// times the CPU of an archive insert.
const checkpointPages = 8000
const cacheKib = 16 * 1024
const busyTimeoutMs = 5000

// SQLite's primary result codes for trouble that may pass: busy, locked, out of memory, read-only, I/O error, full, cannot open.
const passingCodes: ReadonlySet<number> = new Set([5, 6, 7, 8, 10, 13, 14])

interface Prepared {
  readonly statement: StatementSync
  /** How many leading values of an argument it takes. */
  readonly valueCount: number
}

/** The file and its prepared statements; lives in the worker thread. */
export class Database {
  readonly #database: DatabaseSync
  readonly #prepared = new Map<string, readonly Prepared[]>()

  constructor(file: string) {
    if (file !== ':memory:') mkdirSync(dirname(resolve(file)), { recursive: true })
    this.#database = new DatabaseSync(file)
    this.#database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
    this.#database.exec('PRAGMA journal_mode = WAL')
    // Durable when `run` resolves: the write-ahead log is synced at each commit
    this.#database.exec('PRAGMA synchronous = FULL')
    this.#database.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`)
    this.#database.exec(`PRAGMA cache_size = -${cacheKib}`)
  }

  /** Brings the tables to the newest schema; returns the schema it found. */
  migrate(): number {
    return this.#transaction('IMMEDIATE', () => {
      this.#database.exec(
        'CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)',
      )
      const row = this.#database.prepare('SELECT coalesce(max(number), 0) AS found FROM migrations').get()
      const found = Number(row?.['found'])
      if (found > schemaVersion) throw new Error(tooNew(found))
      for (const migration of migrations.slice(found)) {
        for (const sql of migration.sqlite) this.#database.exec(sql)
        this.#database
          .prepare(`INSERT INTO migrations VALUES (?, ?, datetime('now'))`)
          .run(migration.number, migration.name)
      }
      return found
    })
  }

  /** Runs calls in one transaction; if one of them fails, each in its own, so that it fails alone. */
  run(calls: readonly Call[]): readonly Answer[] {
    const mode = calls.some((call) => namedQueries[call.query].isWrite) ? 'IMMEDIATE' : 'DEFERRED'
    try {
      return this.#transaction(mode, () => calls.map((call) => this.#answer(call)))
    } catch (error) {
      if (calls.length < 2) return calls.map(() => failure(error))
      return calls.flatMap((call) => this.run([call]))
    }
  }

  close(): void {
    this.#database.close()
  }

  #transaction<T>(mode: 'IMMEDIATE' | 'DEFERRED', work: () => T): T {
    this.#database.exec(`BEGIN ${mode}`)
    try {
      const value = work()
      this.#database.exec('COMMIT')
      return value
    } catch (error) {
      // SQLite has ended the transaction itself after some errors (full, I/O)
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  #answer(call: Call): Answer {
    const statements = this.#statements(call)
    const counts: number[] = []
    const rows: Row[] = []
    for (const values of unpack(call.args)) {
      const before = rows.length
      for (const { statement, valueCount } of statements) {
        const bound = values.length === valueCount ? values : values.slice(0, valueCount)
        for (const row of statement.all(...(bound as readonly Exclude<Scalar, boolean>[]))) {
          rows.push(row as unknown as Row)
        }
      }
      counts.push(rows.length - before)
    }
    return { ok: true, counts, rows: pack(rows) }
  }

  #statements(call: Call): readonly Prepared[] {
    const key = `${call.query} ${call.variant}`
    const known = this.#prepared.get(key)
    if (known !== undefined) return known
    // The union of all queries' types is too narrow to read columns and SQL from
    const query = namedQueries[call.query] as unknown as NamedQuery<'account.get'>
    const prepared = (query.variants[call.variant]?.sqlite ?? []).map((sql) => {
      const text = numbered(query.columns, sql)
      const statement = this.#database.prepare(text)
      statement.setReturnArrays(true)
      const places = [...text.matchAll(/\?(\d+)/g)].map((match) => Number(match[1]))
      return { statement, valueCount: Math.max(0, ...places) }
    })
    this.#prepared.set(key, prepared)
    return prepared
  }
}

/** How a failure travels back: whether trying again may help, and the database's own words. */
export function failure(error: unknown): Answer {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0
  return {
    ok: false,
    isDown: passingCodes.has(code % 256),
    message: error instanceof Error ? error.message : String(error),
  }
}
