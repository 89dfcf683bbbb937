import { access, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { KafkaArtifacts } from './kafka-artifacts.ts'
import { withLock } from './lock.ts'

/** The archive of Kafka's loaded classes: halves the processor time of a broker's start. */
export function archivePath(artifacts: KafkaArtifacts): string {
  return join(artifacts.directory, 'classes.jsa')
}

/** Whether the archive is there. */
export function hasArchive(artifacts: KafkaArtifacts): Promise<boolean> {
  return access(archivePath(artifacts)).then(
    () => true,
    () => false,
  )
}

/**
 * Makes the archive once for this machine's Java and Kafka, by letting `runBroker` start and stop a broker with that JVM option in
 * that folder (about 20 s of processor time). Not in CI, where too few brokers start to earn it back.
 * Errors: none; without the archive brokers only start slower.
 */
export async function makeArchive(
  artifacts: KafkaArtifacts,
  runBroker: (directory: string, option: string) => Promise<void>,
): Promise<void> {
  if (process.env['CI'] !== undefined || (await hasArchive(artifacts))) return
  await withLock(join(artifacts.directory, 'archive.lock'), async () => {
    if (await hasArchive(artifacts)) return
    const directory = join(artifacts.directory, 'archive-run')
    const partial = join(artifacts.directory, 'classes.partial')
    try {
      process.stderr.write("archiving Kafka's classes (once, for quicker starts)\n")
      await rm(directory, { recursive: true, force: true })
      await runBroker(directory, `-XX:ArchiveClassesAtExit=${partial}`)
      await rename(partial, archivePath(artifacts))
    } catch (error) {
      process.stderr.write(`no archive of Kafka's classes: ${String(error)}\n`)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })
}
