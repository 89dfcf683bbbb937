import { mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { JournalRow, ThreadData } from './thread-words.ts'

/** Version of the rows' shape. */
const fileVersion = 1
// Rows are some kilobytes: larger pages make fewer links between them, and a lonely small commit writes two pages.
const pageBytes = 16_384
// Units: pages of the write-ahead log until it is folded into the file, between two transactions.
const checkpointPages = 2000
const cacheKib = 8 * 1024
const busyTimeoutMs = 5000
/** Units: bytes of rows read at once, about. */
const readBytes = 4 * 1024 * 1024

/** The journal's file: one table of rows that are added at one end and dropped at the other; lives in the thread. */
export class JournalFile {
  readonly #database: DatabaseSync
  readonly #insert: StatementSync
  readonly #drop: StatementSync
  readonly #select: StatementSync
  #pages = 0

  /** Errors: throws when the file cannot be opened, is another process's, or was made by a newer version. */
  constructor({ file, durability, maxPages, busyMs = busyTimeoutMs }: ThreadData) {
    mkdirSync(dirname(resolve(file)), { recursive: true })
    const database = new DatabaseSync(file)
    this.#database = database
    database.exec(`PRAGMA busy_timeout = ${busyMs}`)
    database.exec(`PRAGMA page_size = ${pageBytes}`)
    // One process at a time; before the first use of the write-ahead log it also saves the shared index
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    database.exec('PRAGMA journal_mode = WAL')
    // NORMAL: a commit is in the system's hands, which outlives the process; FULL: it is on the disk, which outlives the power
    database.exec(`PRAGMA synchronous = ${durability === 'power' ? 'FULL' : 'NORMAL'}`)
    database.exec('PRAGMA wal_autocheckpoint = 0')
    database.exec(`PRAGMA cache_size = -${cacheKib}`)
    const found = Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
    if (found > fileVersion) throw new Error(`the journal ${file} was made by a newer version (${found}) of Starling`)
    database.exec('CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY, changes BLOB NOT NULL)')
    database.exec(`PRAGMA user_version = ${fileVersion}`)
    if (maxPages !== undefined) database.exec(`PRAGMA max_page_count = ${maxPages}`)
    this.#insert = database.prepare('INSERT INTO journal VALUES (?, ?)')
    this.#drop = database.prepare('DELETE FROM journal WHERE seq < ?')
    this.#select = database.prepare('SELECT seq, changes FROM journal WHERE seq > ? ORDER BY seq')
  }

  read(after: number): readonly JournalRow[] {
    const rows: JournalRow[] = []
    let size = 0
    for (const row of this.#select.iterate(after)) {
      const bytes = row['changes'] as Uint8Array<ArrayBuffer>
      rows.push({ seq: Number(row['seq']), bytes })
      size += bytes.length
      if (size >= readBytes) break
    }
    return rows
  }

  /** Adds a row: one statement, one transaction. */
  write(seq: number, bytes: Uint8Array): void {
    this.#insert.run(seq, bytes)
    this.#pages += Math.ceil(bytes.length / pageBytes) + 2
  }

  /** What can wait until a write was answered: dropping rows, folding the write-ahead log into the file. */
  tidy(dropBelow: number | undefined): void {
    if (dropBelow !== undefined) this.#pages += Number(this.#drop.run(dropBelow).changes)
    if (this.#pages < checkpointPages) return
    this.#pages = 0
    this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)')
  }

  close(): void {
    this.#database.close()
  }
}
