import { randomBytes } from 'node:crypto'
import {
  createRegistry,
  type Io,
  type Logger,
  type LogReader,
  type Module,
  type PodIo,
  type PodService,
  type Settings,
  type Stage,
  type StorageIo,
  type Worker,
} from '@starling/core'
import { type BareJid, parseJid } from '@starling/jid'
import { createHttpServer, type HttpServer, type Readiness } from './http.ts'
import { runKeyed } from './keyed.ts'
import { createLogger } from './logger.ts'
import { createMetrics, type ProcessMetrics } from './metrics.ts'
import { type OpenPodInbox, openPodInbox } from './pod-inbox.ts'
import { openPorts, type Ports } from './ports.ts'
import { createPublisher, type Publisher } from './publisher.ts'

/** Name and version that Starling tells others. */
export const software = { name: 'Starling', version: '0.1.0' } as const

/** What a process runs. */
export interface Plan {
  readonly stages: readonly Stage[]
  readonly modules: readonly Module[]
  readonly settings: Settings
  /** Name of this pod. */
  readonly pod: string
}

/** A process that runs. */
export interface Running {
  /** Ports by name: `c2s`, `c2sTls`, `http`. */
  readonly ports: Readonly<Record<string, number>>
  readonly readiness: () => Readiness
  /** Ends gracefully within settings.drainTimeoutMs; safe to call twice. */
  readonly stop: () => Promise<void>
}

/**
 * Runs stages in this process until it is stopped: opens the ports, waits for what must be there, starts keyed stages, then
 * those with sockets, then HTTP.
 * Errors: rejects on settings that cannot work (a domain that is no domain, a port in use); what is merely away is waited for.
 */
export async function run(plan: Plan): Promise<Running> {
  const { stages, settings, pod } = plan
  const logger = createLogger(settings.logLevel, pod)
  const metrics = createMetrics()
  const clock = (): number => Date.now()
  const monotonic = (): number => performance.now()
  const ports = openPorts(settings, { pod, stages, logger, clock, monotonic })
  const parts = createParts(ports)
  const http = createHttpServer(
    {
      readiness: parts.readiness,
      metrics: async () => ({ contentType: metrics.contentType, text: await metrics.text() }),
    },
    logger,
  )
  await patiently('storage.migrate', logger, async () => ports.storage?.migrate())
  const publisher = await patiently('log.topics', logger, () => createPublisher(ports.log))
  const io: Io = {
    pod,
    domain: domainOf(settings),
    settings,
    registry: createRegistry(plan.modules, settings.modules, software),
    presence: ports.presence,
    logger,
    metrics,
    clock,
    monotonic,
    random: (bytes) => randomBytes(bytes),
  }
  const engine: Engine = { io, ports, publisher, logger, metrics, http, parts }
  for (const stage of stages) await startStage(stage, engine)
  const listening = await http.listen(portOf(settings.ports.http, settings), settings.listen.http)
  parts.isStarted = true
  logger.info({ what: 'process.ready', stages: stages.map(({ name }) => name) })
  return {
    ports: Object.assign({ http: listening }, ...parts.services.map((service) => service.ports)),
    readiness: parts.readiness,
    stop: stopper(engine, settings.drainTimeoutMs),
  }
}

/** What starting stages needs. */
interface Engine {
  readonly io: Io
  readonly ports: Ports
  readonly publisher: Publisher
  readonly logger: Logger
  readonly metrics: ProcessMetrics
  readonly http: HttpServer
  readonly parts: Parts
}

/** What was started, for readiness and for the end. */
interface Parts {
  isStarted: boolean
  isStopping: boolean
  readonly readers: LogReader[]
  readonly workers: Worker[]
  readonly inboxes: OpenPodInbox[]
  readonly services: PodService[]
  readonly readiness: () => Readiness
}

function createParts(ports: Ports): Parts {
  const parts: Parts = {
    isStarted: false,
    isStopping: false,
    readers: [],
    workers: [],
    inboxes: [],
    services: [],
    readiness: () => ({
      started: parts.isStarted && !parts.isStopping,
      log: ports.log.health().isUp,
      presence: ports.presence.isUp(),
      ...(ports.storage === undefined ? {} : { storage: ports.storage.isUp() }),
      ...(parts.inboxes.length === 0 ? {} : { lease: parts.inboxes.every((inbox) => inbox.isLeased()) }),
      ...(parts.services.length === 0 ? {} : { services: parts.services.every((service) => service.isReady()) }),
    }),
  }
  return parts
}

async function startStage(stage: Stage, engine: Engine): Promise<void> {
  const { io, ports, publisher, logger, metrics, parts } = engine
  const keyed = async (worker: Worker): Promise<void> => {
    parts.workers.push(worker)
    const consumes = stage.kind === 'pod' ? [] : stage.consumes
    parts.readers.push(await runKeyed(stage.name, consumes, worker, { log: ports.log, publisher, logger, metrics }))
  }
  switch (stage.kind) {
    case 'keyed':
      return keyed(stage.create(io))
    case 'storage': {
      if (ports.storage === undefined) throw new Error('the storage stage runs without a database')
      const storageIo: StorageIo = { ...io, storage: ports.storage }
      return keyed(stage.create(storageIo))
    }
    case 'pod': {
      const inbox = await openPodInbox(`${io.pod}/${stage.name}`, {
        log: ports.log,
        presence: ports.presence,
        publisher,
        logger,
        clock: io.clock,
        monotonic: io.monotonic,
      })
      parts.inboxes.push(inbox)
      const podIo: PodIo = {
        ...io,
        inbox,
        http: engine.http,
        publish: async (to, envelope) => void (await publisher.publish(to, envelope)),
        pendingBytes: () => ports.log.health().pendingBytes,
        isReady: () => ports.log.health().isUp && ports.presence.isUp() && inbox.isLeased(),
      }
      parts.services.push(await stage.start(podIo))
      return
    }
    default:
      stage satisfies never
  }
}

/** Sockets first, then what they left in the log is worked off, then everything closes (each step within the time left). */
function stopper({ ports, parts, logger, http }: Engine, drainTimeoutMs: number): () => Promise<void> {
  let stopping: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    parts.isStopping = true
    const step = async (what: string, work: () => Promise<unknown>): Promise<void> => {
      try {
        await work()
      } catch (error) {
        logger.error({ what: `stop.${what}`, error })
      }
    }
    await step('services', () => Promise.all(parts.services.map((service) => service.drain(drainTimeoutMs / 2))))
    await step('readers', () => Promise.all(parts.readers.map((reader) => reader.close())))
    await step('inboxes', () => Promise.all(parts.inboxes.map((inbox) => inbox.close())))
    await step('workers', () => Promise.all(parts.workers.map((worker) => worker.close?.())))
    await step('log', () => ports.log.close())
    await step('presence', () => ports.presence.close())
    await step('storage', async () => ports.storage?.close())
    await step('http', () => http.close())
    logger.info({ what: 'process.stopped' })
  }
  return () => {
    stopping ??= stop()
    return stopping
  }
}

/** Tries until it works, saying every few seconds what is missing. */
async function patiently<T>(what: string, logger: Logger, work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (tries % 5 === 0) logger.warn({ what: `${what}.waiting`, error })
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
  }
}

function domainOf(settings: Settings): BareJid {
  const parsed = parseJid(settings.domain)
  if (!parsed.ok || parsed.value.includes('@') || parsed.value.includes('/')) {
    throw new Error(`STARLING_DOMAIN: ${JSON.stringify(settings.domain)} is no domain`)
  }
  return parsed.value as BareJid
}

/** A configured port as this process uses it; 0 stays 0 (any free port). */
export function portOf(port: number, settings: Settings): number {
  return port === 0 ? 0 : port + settings.portOffset
}
