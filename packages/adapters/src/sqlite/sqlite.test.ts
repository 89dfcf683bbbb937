import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storageContract } from '@starling/testkit'
import { sqliteStorage } from './sqlite.ts'

storageContract('SQLite, a file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'starling-sqlite-'))
  const open = async () => sqliteStorage({ file: join(directory, 'data', 'starling.db') })
  const storage = await open()
  await storage.migrate()
  const close = async () => {
    await storage.close()
    await rm(directory, { recursive: true })
  }
  return { storage, open, runs: 100, close }
})
