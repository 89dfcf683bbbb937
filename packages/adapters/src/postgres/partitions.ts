import pg from 'pg'
import { endOfMonthsMs, firstMonthMs } from '../queries/migrations.ts'
import type { StorageEvent } from '../queries/storage-event.ts'
import { inTransaction } from './connections.ts'

// One pod at a time makes or drops partitions.
const partitionLock = 0x5354_4152_0002
const lockTimeoutMs = 2000
// check_violation: what an insert without a partition for its row fails with
const noPartition = '23514'

/** A month. Units: ms; `endMs` exclusive. */
export interface Month {
  readonly startMs: number
  readonly endMs: number
  readonly name: string
}

/** The month (UTC) that holds a time, and its partition's name. */
export function monthOf(atMs: number): Month {
  const at = new Date(atMs)
  const year = at.getUTCFullYear()
  const month = at.getUTCMonth()
  return {
    startMs: Date.UTC(year, month),
    endMs: Date.UTC(year, month + 1),
    name: `archive_${year}_${String(month + 1).padStart(2, '0')}`,
  }
}

/** Whether an insert failed because its partition is missing. */
export function isNoPartition(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === noPartition
}

/**
 * The monthly partitions of the archive: made when the first message of a month comes, with the month after, so that a new
 * month finds its partition waiting; dropped as wholes by retention.
 */
export class Partitions {
  readonly #pool: pg.Pool
  readonly #onEvent: (event: StorageEvent) => void
  readonly #known = new Set<number>()

  constructor(pool: pg.Pool, onEvent: (event: StorageEvent) => void) {
    this.#pool = pool
    this.#onEvent = onEvent
  }

  /** Sees to it that rows of these times have a partition; without a round trip for months known to exist. */
  async ensure(times: Iterable<number>): Promise<void> {
    const missing = new Map<number, Month>()
    for (const atMs of times) {
      if (!(atMs >= firstMonthMs && atMs < endOfMonthsMs)) continue
      const month = monthOf(atMs)
      if (!this.#known.has(month.startMs)) missing.set(month.startMs, month)
    }
    if (missing.size === 0) return
    for (const month of [...missing.values()]) {
      if (month.endMs < endOfMonthsMs) missing.set(month.endMs, monthOf(month.endMs))
    }
    const made = await this.#make([...missing.values()])
    for (const startMs of missing.keys()) this.#known.add(startMs)
    for (const name of made) this.#onEvent({ what: 'storage.partitionMade', name })
  }

  /** Forgets what was known: another pod dropped a partition. */
  forget(): void {
    this.#known.clear()
  }

  /** Drops partitions by name, and what lies before the months and `beforeMs`; returns how many rows went of the latter. */
  async drop(names: readonly string[], beforeMs: number): Promise<number> {
    for (const name of names) {
      await inTransaction(this.#pool, async (client) => {
        await lock(client)
        await client.query(`DROP TABLE IF EXISTS ${pg.escapeIdentifier(name)}`)
        await client.query('DELETE FROM archive_parts WHERE name = $1', [name])
      })
      this.#onEvent({ what: 'storage.partitionDropped', name })
    }
    this.forget()
    return inTransaction(this.#pool, async (client) => {
      await client.query('SET LOCAL statement_timeout = 0')
      const { rowCount } = await client.query('DELETE FROM archive_past WHERE at_ms < $1', [beforeMs])
      return rowCount ?? 0
    })
  }

  #make(months: readonly Month[]): Promise<readonly string[]> {
    return inTransaction(this.#pool, async (client) => {
      await lock(client)
      const made: string[] = []
      for (const { name, startMs, endMs } of months) {
        const { rowCount } = await client.query(
          'INSERT INTO archive_parts (name, start_ms, end_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
          [name, startMs, endMs],
        )
        if (rowCount === 0) continue
        // Attaching lets readers and writers of the archive go on; CREATE TABLE ... PARTITION OF would stop them
        await client.query(`CREATE TABLE ${pg.escapeIdentifier(name)} (LIKE archive INCLUDING ALL EXCLUDING INDEXES)`)
        await client.query(
          `ALTER TABLE archive ATTACH PARTITION ${pg.escapeIdentifier(name)} FOR VALUES FROM (${startMs}) TO (${endMs})`,
        )
        made.push(name)
      }
      return made
    })
  }
}

async function lock(client: pg.PoolClient): Promise<void> {
  await client.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`)
  await client.query('SELECT pg_advisory_xact_lock($1)', [partitionLock])
}
