import { storageContract } from '@starling/testkit'
import { freshDatabase } from './fresh-database.ts'
import { postgresStorage } from './postgres.ts'

storageContract('PostgreSQL', async () => {
  const database = await freshDatabase(process.env['STARLING_TEST_POSTGRES'])
  const open = async () => postgresStorage({ url: database.url })
  const storage = await open()
  await storage.migrate()
  const close = async () => {
    await storage.close()
    await database.drop()
  }
  return { storage, open, runs: 60, close }
})
