import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ArchiveRow } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { sqliteStorage } from '../sqlite/sqlite.ts'

const ownerCount = 5000
const rowCount = 50_000
const batchRows = 100
const pageCount = 2000

/** Measures the archive on SQLite, a file with fsync: batches of 100 messages of 510 bytes, and newest pages of 50. */
export async function bench(): Promise<
  readonly { readonly name: string; readonly value: number; readonly unit: string }[]
> {
  const directory = await mkdtemp(join(tmpdir(), 'starling-bench-'))
  const storage = sqliteStorage({ file: join(directory, 'starling.db') })
  try {
    await storage.migrate()
    const owners = Array.from({ length: ownerCount }, (_, place) => `user-${place}@bench.test` as BareJid)
    await storage.run(
      'account.create',
      owners.map((jid) => ({ jid, credentials: '' })),
    )
    // Few owners get most messages, so that there are pages of 50
    const ownerOf = (place: number) => owners[place % 3 === 0 ? place % ownerCount : place % 100] ?? ('' as BareJid)
    const raw = new Uint8Array(510).fill(120)
    const rowOf = (place: number): ArchiveRow => {
      const peer = ownerOf(place * 7 + 1)
      return { owner: ownerOf(place), id: `1${String(place).padStart(15, '0')}`, atMs: 1.79e12 + place, peer, raw }
    }
    const added = await measured(async () => {
      for (let place = 0; place < rowCount; place += batchRows) {
        await storage.run(
          'archive.add',
          Array.from({ length: batchRows }, (_, next) => rowOf(place + next)),
        )
      }
    })
    const paged = await measured(async () => {
      for (let page = 0; page < pageCount; page++) {
        await storage.run('archive.page', [{ owner: ownerOf(page), direction: 'last', limit: 50 }])
      }
    })
    return [
      { name: 'archive.add, SQLite, batches of 100', value: rowCount / added.wallSeconds, unit: 'rows/s' },
      { name: 'archive.add, SQLite, CPU', value: (added.cpuSeconds / rowCount) * 1e6, unit: 'CPU s/1M rows' },
      { name: 'archive.page of 50 newest, SQLite', value: (paged.wallSeconds / pageCount) * 1000, unit: 'ms/page' },
      {
        name: 'archive.page of 50 newest, SQLite, CPU',
        value: (paged.cpuSeconds / pageCount) * 1000,
        unit: 'CPU s/1,000 pages',
      },
    ]
  } finally {
    await storage.close()
    await rm(directory, { recursive: true })
  }
}

async function measured(
  work: () => Promise<void>,
): Promise<{ readonly wallSeconds: number; readonly cpuSeconds: number }> {
  const cpu = process.cpuUsage()
  const startMs = performance.now()
  await work()
  const used = process.cpuUsage(cpu)
  return { wallSeconds: (performance.now() - startMs) / 1000, cpuSeconds: (used.user + used.system) / 1e6 }
}
