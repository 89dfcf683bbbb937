import { Worker } from 'node:worker_threads'
import { type QueryArgs, type QueryName, type QueryResult, type Storage, StorageError } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { RETAIN_CHUNK_ROWS } from '../queries/archive-queries.ts'
import { Health } from '../queries/health.ts'
import { schemaVersion } from '../queries/migrations.ts'
import { namedQueries, portions } from '../queries/named-queries.ts'
import type { NamedQuery } from '../queries/named-query.ts'
import type { Row } from '../queries/scalar.ts'
import type { StorageEvent } from '../queries/storage-event.ts'
import { type Answer, pack, unpack } from './frame.ts'
import { Lane } from './lane.ts'

export type { StorageEvent } from '../queries/storage-event.ts'

/** Where the embedded database is. */
export interface SqliteOptions {
  /** Path of the file, made with its folder if missing; `:memory:` for a database that ends with the process. */
  readonly file: string
  readonly onEvent?: (event: StorageEvent) => void
  /** For tests: starts the thread that holds the file. */
  readonly startWorker?: (file: string) => Worker
}

/**
 * The storage port on SQLite, in a thread of its own: the embedded default.
 * Order: calls run in the order they were made; each sees those before it.
 * Errors: STORAGE_DOWN for a full disk, a file that cannot be opened or is held by another process, an ended thread, or more
 * than MAX_QUEUED_BYTES waiting.
 */
export function sqliteStorage(options: SqliteOptions): Storage {
  return new SqliteStorage(options)
}

class SqliteStorage implements Storage {
  readonly #lane: Lane
  readonly #onEvent: (event: StorageEvent) => void
  readonly #health: Health

  constructor({ file, onEvent = () => undefined, startWorker = startFileWorker }: SqliteOptions) {
    this.#onEvent = onEvent
    this.#lane = new Lane({ startWorker: () => startWorker(file), onEvent })
    this.#health = new Health({ onEvent, probe: () => this.#runOnce('account.get', [{ jid: '' as BareJid }]) })
  }

  readonly run = async <N extends QueryName>(
    name: N,
    batch: readonly QueryArgs<N>[],
  ): Promise<readonly QueryResult<N>[]> => {
    if (batch.length === 0) return []
    if (name !== 'archive.retain') return this.#runOnce(name, batch)
    const results: QueryResult<N>[] = []
    for (const args of batch) results.push((await this.#retain(args as QueryArgs<'archive.retain'>)) as QueryResult<N>)
    return results
  }

  readonly migrate = async (): Promise<void> => {
    const [answer] = await this.#answered(this.#lane.migrate())
    const from = answer?.counts[0] ?? 0
    if (from !== schemaVersion) this.#onEvent({ what: 'storage.migrated', from, to: schemaVersion })
  }

  readonly isUp = (): boolean => this.#health.isUp

  readonly close = async (): Promise<void> => {
    this.#health.close()
    await this.#lane.close()
  }

  async #runOnce<N extends QueryName>(name: N, batch: readonly QueryArgs<N>[]): Promise<readonly QueryResult<N>[]> {
    const query: NamedQuery<N> = namedQueries[name]
    const parts = portions(name, batch)
    const answers = await this.#answered(
      this.#lane.run(parts.map(({ variant, values }) => ({ query: name, variant, args: pack(values) }))),
    )
    const results: QueryResult<N>[] = new Array(batch.length)
    answers.forEach(({ counts, rows }, part) => {
      const unpacked = unpack(rows)
      let taken = 0
      parts[part]?.places.forEach((place, index) => {
        const count = counts[index] ?? 0
        const own: readonly Row[] = unpacked.slice(taken, taken + count)
        taken += count
        results[place] = query.decode(own, batch[place] as QueryArgs<N>)
      })
    })
    return results
  }

  /** Removes chunk after chunk, each in a transaction of its own, so that other calls get their turn. */
  async #retain(args: QueryArgs<'archive.retain'>): Promise<number> {
    let removed = 0
    for (;;) {
      const [count = 0] = await this.#runOnce('archive.retain', [args])
      removed += count
      if (count < RETAIN_CHUNK_ROWS) return removed
    }
  }

  async #answered(pending: Promise<readonly Answer[]>): Promise<readonly (Answer & { ok: true })[]> {
    try {
      const good = (await pending).map((answer) => {
        if (answer.ok) return answer
        throw new StorageError(answer.isDown ? 'STORAGE_DOWN' : 'STORAGE_FAILED', answer.message)
      })
      this.#health.up()
      return good
    } catch (error) {
      if (error instanceof StorageError && error.code === 'STORAGE_DOWN') this.#health.down(error.message)
      throw error
    }
  }
}

function startFileWorker(file: string): Worker {
  // No flags of the parent (test runner, inspector): the thread has nothing to do with them
  return new Worker(new URL('./worker.ts', import.meta.url), { workerData: { file }, execArgv: [], name: 'sqlite' })
}
