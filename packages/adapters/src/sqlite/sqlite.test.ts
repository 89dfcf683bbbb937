import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { orphansSql, storageContract } from '@starling/testkit'
import { sqliteStorage } from './sqlite.ts'

storageContract('SQLite, a file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'starling-sqlite-'))
  const file = join(directory, 'data', 'starling.db')
  const open = async () => sqliteStorage({ file })
  const orphans = async () => {
    const database = new DatabaseSync(file, { readOnly: true })
    const row = database.prepare(orphansSql).get()
    database.close()
    return Number(row?.['orphans'])
  }
  const storage = await open()
  await storage.migrate()
  const close = async () => {
    await storage.close()
    await rm(directory, { recursive: true })
  }
  return { storage, open, orphans, runs: 100, close }
})
