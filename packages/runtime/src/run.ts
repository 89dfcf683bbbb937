import { randomBytes } from 'node:crypto'
import {
  createRegistry,
  type Io,
  type Logger,
  type LogRecord,
  type Module,
  type PodIo,
  type Settings,
  type Stage,
  type StageName,
  type StorageIo,
  servedDomains,
  type Worker,
} from '@starling/core'
import { type BareJid, parseJid } from '@starling/jid'
import { cachingDocuments } from './document-cache.ts'
import { createEnding } from './ending.ts'
import { createHop } from './hop.ts'
import { createHttpServer, type HttpServer, type Readiness } from './http.ts'
import { type KeyedPorts, runKeyed } from './keyed.ts'
import { createLogger } from './logger.ts'
import { createMetrics, type ProcessMetrics } from './metrics.ts'
import { orAborted } from './or-aborted.ts'
import { createPace, type Pace } from './pace.ts'
import { createParts, type Parts } from './parts.ts'
import { patiently } from './patiently.ts'
import { openPodInbox } from './pod-inbox.ts'
import { openPorts, type Ports } from './ports.ts'
import { createPublisher, type Publisher } from './publisher.ts'
import { type RememberedStates, rememberStates } from './remembered-states.ts'
import { openTracing } from './tracing/open-tracing.ts'
import type { ProcessTracing } from './tracing/tracing.ts'

/** Name and version that Starling tells others. */
export const software = { name: 'Starling', version: '0.1.0' } as const

/**
 * Least time between batches of the archive. Units: ms. In a cluster a page of the archive may wait for it; one process knows when a page
 * is asked for, and hurries.
 */
const archivePaceMs = { cluster: 50, embedded: 100 } as const

/** What a process runs. */
export interface Plan {
  readonly stages: readonly Stage[]
  readonly modules: readonly Module[]
  readonly settings: Settings
  /** Name of this pod. */
  readonly pod: string
  /** Without one, JSON lines on standard error. */
  readonly logger?: Logger
  /** Aborted when starting is to be given up. */
  readonly stop?: AbortSignal
}

/** A process that runs. */
export interface Running {
  /** Ports by name: `c2s`, `c2sTls`, `http`. */
  readonly ports: Readonly<Record<string, number>>
  readonly readiness: () => Readiness
  /** Has services read anew what may change while they run: certificates. */
  readonly reload: () => void
  /** Ends gracefully within settings.drainTimeoutMs; says whether everything was done by then. Safe to call twice. */
  readonly stop: () => Promise<boolean>
}

/**
 * Runs stages in this process until it is stopped: HTTP first (health is told from the beginning), then it waits for what
 * must be there, then keyed stages, then those with sockets.
 * Errors: rejects on settings that cannot work (a domain that is no domain, a port in use), with a sentence; what is merely
 * away is waited for.
 */
export async function run(plan: Plan): Promise<Running> {
  const { stages, settings, pod } = plan
  const stop = plan.stop ?? new AbortController().signal
  const domain = domainOf(settings)
  const logger = plan.logger ?? createLogger(settings.logLevel, pod)
  const metrics = createMetrics()
  const clock = (): number => Date.now()
  const monotonic = (): number => performance.now()
  const registry = createRegistry(plan.modules, settings.modules, software)
  const ports = await openPorts(settings, { pod, stages, logger, clock, monotonic })
  const parts = createParts(ports, stages)
  const names = stages.map(({ name }) => name)
  const { version } = software
  const tracing = await openTracing(settings, { pod, stages: names, version, metrics, logger, clock, monotonic })
  const text = async (): Promise<{ contentType: string; text: string }> => ({
    contentType: metrics.contentType,
    text: await metrics.text(),
  })
  const http = createHttpServer({ readiness: parts.readiness, metrics: text }, logger)
  const { drainTimeoutMs } = settings
  const end = createEnding({ ports, parts, stages, http, tracing, logger, monotonic, drainTimeoutMs })
  const random = (bytes: number): Uint8Array => randomBytes(bytes)
  const io: Io = {
    pod,
    domain,
    isServed: servedDomains(settings),
    settings,
    registry,
    presence: ports.presence,
    logger,
    metrics,
    clock,
    monotonic,
    random,
  }
  metrics.observed('starling_log_pending_bytes', 'Bytes produced and not acknowledged', () =>
    Number(ports.log.health().pendingBytes),
  )
  metrics.observed('starling_ready', '1 when this process is ready', () =>
    Object.values(parts.readiness()).every(Boolean) ? 1 : 0,
  )
  try {
    const listening = await listen('http', portOf(settings.ports.http, settings), (port) =>
      http.listen(port, settings.listen.http),
    )
    const schedule = (run: () => void, delayMs: number): void => void setTimeout(run, delayMs)
    // Routing waits for nothing of it: messages of some ms share statements and a sync of the disk
    const intervalMs = ports.isEmbedded ? archivePaceMs.embedded : archivePaceMs.cluster
    const archivePace = createPace({ intervalMs, monotonic, schedule })
    const published = await untilThere(ports, settings, { logger, stop })
    const publisher = ports.isEmbedded ? hurrying(published, archivePace) : published
    const engine: Engine = { io, ports, publisher, archivePace, logger, metrics, tracing, http, parts }
    for (const stage of stages) await orAborted(startStage(stage, engine), stop)
    parts.isStarted = true
    logger.info({ what: 'process.ready', stages: names })
    return {
      ports: Object.assign({ http: listening }, ...parts.services.map((service) => service.ports)),
      readiness: parts.readiness,
      reload: () => {
        for (const service of parts.services) service.reload?.()
      },
      stop: end,
    }
  } catch (error) {
    await end()
    throw error
  }
}

/** What starting stages needs. */
interface Engine {
  readonly io: Io
  readonly ports: Ports
  readonly publisher: Publisher
  /** Of what the archive reads. */
  readonly archivePace: Pace
  readonly logger: Logger
  readonly metrics: ProcessMetrics
  readonly tracing: ProcessTracing | undefined
  readonly http: HttpServer
  readonly parts: Parts
}

/** The publisher, which hurries the archive on when a request for it goes out: it travels among the messages. */
function hurrying(publisher: Publisher, pace: Pace): Publisher {
  return {
    ...publisher,
    publishWork: (stage, outputs) => {
      if (outputs.some(({ to, envelope }) => to === 'routing' && envelope.kind === 'request')) pace.hurry()
      return publisher.publishWork(stage, outputs)
    },
  }
}

/** Waits for database, presence and log, one after another, and says what each wait is about. */
async function untilThere(
  ports: Ports,
  { databaseUrl, dataDir }: Settings,
  { logger, stop }: { readonly logger: Logger; readonly stop: AbortSignal },
): Promise<Publisher> {
  const database = databaseUrl.startsWith('postgres')
    ? 'PostgreSQL does not answer: see databaseUrl (STARLING_DATABASE_URL)'
    : `the SQLite file cannot be used: does another server run on ${dataDir} (STARLING_DATA_DIR), or is the disk full?`
  await patiently({ what: 'storage', hint: database, logger, stop }, async () => ports.storage?.migrate())
  const redis = 'Redis does not answer: see redisUrl (STARLING_REDIS_URL)'
  await patiently({ what: 'presence', hint: redis, logger, stop }, () => ports.presence.readSlots([0]))
  const hint = (error: unknown): string =>
    (error as { code?: unknown } | undefined)?.code === 'LOG_NO_TOPIC'
      ? 'a topic is missing: run the deploy step that makes them, `node tools/deploy/main.ts topics`'
      : 'Kafka does not answer: see log.brokers (STARLING_LOG_BROKERS)'
  return patiently({ what: 'log', hint, logger, stop }, () => createPublisher(ports.log))
}

async function startStage(stage: Stage, engine: Engine): Promise<void> {
  const { io, ports, publisher, archivePace, logger, metrics, tracing, parts } = engine
  const keyed = async (worker: Worker, more: Pick<KeyedPorts, 'paces' | 'presence' | 'remembered'>): Promise<void> => {
    parts.workers.push(worker)
    const consumes = stage.kind === 'pod' ? [] : stage.consumes
    const { log } = ports
    parts.readers.push(
      await runKeyed(stage.name, consumes, worker, { log, publisher, logger, metrics, tracing, ...more }),
    )
  }
  switch (stage.kind) {
    case 'keyed': {
      const { presence } = ports
      const remembered = remembering(stage.name, engine)
      // In one process presence is memory already
      if (remembered === undefined || ports.isEmbedded) return keyed(stage.create(io), { presence })
      return keyed(stage.create({ ...io, presence: remembered.presence }), { presence, remembered })
    }
    case 'storage': {
      if (ports.storage === undefined) throw new Error('the storage stage runs without a database')
      const storage = ports.isEmbedded ? cachingDocuments(ports.storage, metrics) : ports.storage
      const storageIo: StorageIo = { ...io, storage }
      return keyed(stage.create(storageIo), { paces: { routing: archivePace } })
    }
    case 'pod': {
      // A name of its own at every start: a hung process of the same name must not keep this one's lease alive
      const holder = `${io.pod}/${stage.name}/${randomBytes(6).toString('hex')}`
      const { clock, monotonic, presence } = io
      const hop = createHop(metrics)
      const onRecords = (records: readonly LogRecord[]): void => hop({ stage: stage.name, inbox: 'pod' }, records)
      const inbox = await openPodInbox(holder, {
        log: ports.log,
        presence,
        publisher,
        logger,
        clock,
        monotonic,
        onRecords,
        onTraced:
          tracing &&
          ((envelope, writtenMs) => tracing.waited({ stage: stage.name, inbox: 'pod' }, envelope, writtenMs)),
      })
      parts.inboxes.push(inbox)
      const publish: PodIo['publish'] = async (to, envelope) => void (await publisher.publish(to, envelope))
      const podIo: PodIo = {
        ...io,
        inbox,
        tracing,
        http: engine.http,
        publish: tracing === undefined ? publish : (to, envelope) => tracing.appending(envelope, publish(to, envelope)),
        pendingBytes: () => ports.log.health().pendingBytes,
        isReady: () => ports.log.health().isUp && ports.presence.isUp() && inbox.isLeased(),
      }
      parts.services.push(await listen(stage.name, undefined, () => stage.start(podIo)))
      return
    }
    default:
      stage satisfies never
  }
}

/** The memory of a stage that has states. */
function remembering(name: StageName, { io, ports, metrics }: Engine): RememberedStates | undefined {
  if (name !== 'session' && name !== 'routing') return undefined
  return rememberStates(ports.presence, { kind: name, maxBytes: io.settings.states.maxBytes, metrics })
}

/** Starts to listen. Errors: a port in use, or one that is not allowed, becomes a sentence. */
async function listen<T>(what: string, port: number | undefined, start: (port: number) => Promise<T>): Promise<T> {
  try {
    return await start(port ?? 0)
  } catch (error) {
    const { code, port: taken, address } = error as NodeJS.ErrnoException & { port?: number; address?: string }
    const at = `port ${taken ?? port} (${what}${address === undefined ? '' : `, address ${address}`})`
    const cure = 'choose others with STARLING_PORT_OFFSET=1000 or the ports section of the settings'
    if (code === 'EADDRINUSE')
      throw new Error(`${at} is in use by another process: end it, or ${cure}`, { cause: error })
    if (code === 'EACCES') throw new Error(`${at} is not allowed for this user: ${cure}`, { cause: error })
    if (code === 'EADDRNOTAVAIL') throw new Error(`${at}: this machine has no such address`, { cause: error })
    throw error
  }
}

function domainOf(settings: Settings): BareJid {
  const parsed = parseJid(settings.domain)
  if (!parsed.ok || parsed.value.includes('@') || parsed.value.includes('/')) {
    throw new Error(`domain (STARLING_DOMAIN): ${JSON.stringify(settings.domain)} is no domain`)
  }
  return parsed.value as BareJid
}

/** A configured port as this process uses it; 0 stays 0 (any free port). */
export function portOf(port: number, settings: Settings): number {
  return port === 0 ? 0 : port + settings.portOffset
}
