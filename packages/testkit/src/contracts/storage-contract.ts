import { after, before, describe } from 'node:test'
import { storageAccounts } from './storage-accounts.ts'
import { storageArchive } from './storage-archive.ts'
import { storageDocuments } from './storage-documents.ts'
import { type StorageHarness, storageBench } from './storage-harness.ts'
import { storageHostile } from './storage-hostile.ts'
import { storageOffline } from './storage-offline.ts'
import { storagePages } from './storage-pages.ts'
import { storageRosters } from './storage-rosters.ts'

/** Runs what every storage must keep, against one kind of storage. */
export function storageContract(name: string, start: () => Promise<StorageHarness>): void {
  describe(`the storage port: ${name}`, { timeout: 300_000 }, () => {
    let harness: StorageHarness | undefined
    const started = (): StorageHarness => {
      if (harness === undefined) throw new Error(`${name} did not start`)
      return harness
    }
    before(async () => {
      harness = await start()
    })
    after(async () => {
      await harness?.close()
    })
    const bench = storageBench(started)
    storageAccounts(bench)
    storageRosters(bench)
    storageDocuments(bench)
    storageOffline(bench)
    storageArchive(bench)
    storagePages(bench)
    storageHostile(bench)
  })
}
