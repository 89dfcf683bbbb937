import { orphansSql, storageContract } from '@starling/testkit'
import { freshDatabase } from './fresh-database.ts'
import { postgresStorage } from './postgres.ts'

storageContract('PostgreSQL', async () => {
  const database = await freshDatabase(process.env['STARLING_TEST_POSTGRES'])
  const open = async () => postgresStorage({ url: database.url })
  const storage = await open()
  await storage.migrate()
  const orphans = async () => Number((await database.sql(orphansSql))[0]?.['orphans'])
  const close = async () => {
    await storage.close()
    await database.drop()
  }
  return { storage, open, orphans, runs: 60, close }
})
