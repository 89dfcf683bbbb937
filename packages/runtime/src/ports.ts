import { join } from 'node:path'
import type { Log, Logger, Presence, Settings, Stage, Storage } from '@starling/core'
import { inboxes, inboxNames } from '@starling/wire'
import { countStart } from './start-counter.ts'
import { createTeller, type Teller } from './teller.ts'
import { logSecurity, readTlsFiles, type TlsTexts } from './tls-files.ts'

/** The outside of a process: log, presence and, where the storage stage runs, the database. */
export interface Ports {
  readonly log: Log
  readonly presence: Presence
  readonly storage: Storage | undefined
  /** Whether log and presence end with this process. */
  readonly isEmbedded: boolean
}

/** What opening ports needs beside the settings. */
export interface PortsContext {
  readonly pod: string
  readonly stages: readonly Stage[]
  readonly logger: Logger
  readonly clock: () => number
  readonly monotonic: () => number
}

/** Partitions of an inbox in one process: its stages take turns in one thread, and what is together is worked on together. */
const embeddedPartitions = 1
/** As many as there were before the journal said how many. */
const formerPartitions = 4
const embeddedSlots = 4

/**
 * Opens what the settings name; without brokers log and presence are in this process (DESIGN §5). Nothing is waited for.
 * Errors: rejects with a sentence when the data directory cannot be written, or a setting that is needed here is missing.
 */
export async function openPorts(settings: Settings, context: PortsContext): Promise<Ports> {
  const isEmbedded = settings.log.brokers.length === 0
  const tell = createTeller(context.logger, context.monotonic)
  const open = isEmbedded ? openEmbedded : openCluster
  const outside = await open(settings, context, tell)
  const needsStorage = context.stages.some(({ kind }) => kind === 'storage')
  return { ...outside, isEmbedded, storage: needsStorage ? await openStorage(settings, tell) : undefined }
}

async function openEmbedded(
  settings: Settings,
  context: PortsContext,
  onEvent: Teller,
): Promise<Pick<Ports, 'log' | 'presence'>> {
  const partitions: Record<string, number> = {}
  const groups: Record<string, string[]> = {}
  for (const name of inboxNames) {
    partitions[inboxes[name].topic] = name === 'pod' ? embeddedSlots : embeddedPartitions
    const readers = context.stages.filter((stage) => stage.kind !== 'pod' && stage.consumes.includes(name))
    if (readers.length > 0) groups[inboxes[name].topic] = readers.map((stage) => `starling.${stage.name}`)
  }
  const { dataDir } = settings
  const { durability } = settings.embedded
  const log = { partitions, groups, clock: context.clock, baseOffset: countStart(dataDir), onEvent }
  const presence = { clock: context.monotonic }
  if (durability === 'memory') {
    const { memoryLog, memoryPresence } = await import('@starling/adapters/memory')
    return { log: memoryLog(log), presence: memoryPresence(presence) }
  }
  const { openEmbedded: open } = await import('@starling/adapters/embedded')
  const folder = join(dataDir, 'journal')
  const journal = { folder, durability, oldFile: join(dataDir, 'journal.sqlite') }
  // What is written to a pod is for sockets of this process: nobody reads it after
  const passingTopics = [inboxes.pod.topic]
  try {
    return await open({ journal, log, formerPartitions, presence, passingTopics })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const hint = `does another server run on ${dataDir} (STARLING_DATA_DIR), or is the disk full?`
    throw new Error(`the journal ${folder} cannot be used: ${why}; ${hint}`, { cause: error })
  }
}

async function openCluster(
  settings: Settings,
  context: PortsContext,
  onEvent: Teller,
): Promise<Pick<Ports, 'log' | 'presence'>> {
  if (settings.redisUrl === '') {
    throw new Error('redisUrl (STARLING_REDIS_URL) is missing: with log.brokers set, presence is kept in Redis')
  }
  // Loaded here, so that the embedded default starts without them
  const [{ kafkaLog }, { redisPresence }] = await Promise.all([
    import('@starling/adapters/kafka'),
    import('@starling/adapters/redis'),
  ])
  const { brokers, client } = settings.log
  const gathering = gatheringOf(settings.log.gatherMs, context.stages)
  return {
    log: kafkaLog({
      client,
      brokers,
      security: logSecurity(settings),
      clientId: context.pod,
      clock: context.clock,
      onEvent,
      ...gathering,
    }),
    presence: redisPresence({
      url: settings.redisUrl,
      password: settings.redisPassword,
      tls: redisTls(settings),
      onEvent,
    }),
  }
}

/**
 * How long a process gathers before it asks Kafka again. Where clients' stanzas come in, produces keep the pace. A stage fetches at that
 * pace, however many pods write to it, and its produces wait for a quarter of it, since what it fetched together leaves together. Nobody
 * waits for the archive, and for a sign-in or a page of it only while there is much to do.
 */
export function gatheringOf(
  gatherMs: number,
  stages: readonly Pick<Stage, 'kind'>[],
): { readonly gatherMs: number; readonly fetchGatherMs: number } {
  if (stages.some(({ kind }) => kind === 'pod')) return { gatherMs, fetchGatherMs: 0 }
  const isStorage = stages.some(({ kind }) => kind === 'storage')
  return { gatherMs: gatherMs / 4, fetchGatherMs: isStorage ? gatherMs * 2 : gatherMs }
}

/** What `rediss://` is spoken with, where the settings name files. */
function redisTls({ redisTls: files }: Settings): TlsTexts | undefined {
  const texts = readTlsFiles('redisTls', files)
  return Object.keys(texts).length === 0 ? undefined : texts
}

async function openStorage(settings: Settings, tell: Teller): Promise<Storage> {
  const { databaseUrl: url, dataDir } = settings
  const onEvent = ({ what, ...detail }: { readonly what: string }): void => tell(what, detail)
  if (/^postgres(ql)?:/.test(url)) {
    const { postgresStorage } = await import('@starling/adapters/postgres')
    return postgresStorage({ url, onEvent })
  }
  if (settings.log.brokers.length > 0) {
    throw new Error(
      'databaseUrl (STARLING_DATABASE_URL) must be postgres://…: with log.brokers set, many processes share it',
    )
  }
  const { sqliteStorage } = await import('@starling/adapters/sqlite')
  return sqliteStorage({ file: url === '' ? join(dataDir, 'starling.sqlite') : url.replace(/^sqlite:/, ''), onEvent })
}
