import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import type { Settings } from '@starling/core'
import { startInfrastructure } from '@starling/testkit'
import { inboxes } from '@starling/wire'
import { birthOf, isAlive } from '../alive.ts'
import { deployTables, deployTopics } from '../deploy/deploy.ts'
import type { ClusterCommand } from './command-line.ts'
import { layOut, type PodLayout, smallInboxes } from './layout.ts'
import { type Started, startPod, untilReady } from './pod-process.ts'
import type { LaunchFile, PodSpec, RunFolder } from './state.ts'

/** First port that servers take, and how far the offset moves it: above pods' ports, below those of outgoing connections. */
const infrastructurePort = 25_000
const infrastructurePorts = 7_000
/** Partitions and slots of the settings' own defaults, which are made for many machines. */
const largeDefaults = { partitions: 64, slots: 256 } as const

/** What bringing a cluster up needs. */
export interface UpContext {
  readonly settings: Settings
  readonly folder: RunFolder
  /** Settings as variables, handed on to every pod. */
  readonly environment: Readonly<Record<string, string>>
  readonly tell: (line: string) => void
  /** Source tree that pods run from; this one without. */
  readonly tree?: string | undefined
}

/**
 * Starts servers, makes topics and tables, starts pods, and waits until all are ready; what runs is written down as it starts.
 * Errors: rejects with a sentence; what was started by then is written down, so that `down` ends it.
 */
export async function up(command: Extract<ClusterCommand, { do: 'up' }>, context: UpContext): Promise<LaunchFile> {
  const { settings, folder, tell } = context
  const { drainTimeoutMs, domain } = settings
  const before = folder.read()
  if (before !== undefined && [...before.servers, ...before.pods].some(({ pid }) => isAlive(pid))) {
    throw new Error('a cluster runs already: npm run cluster -- down ends it')
  }
  if (command.isFresh)
    for (const name of ['infrastructure', 'data']) rmSync(folder.path(name), { recursive: true, force: true })
  mkdirSync(folder.path('data'), { recursive: true })

  tell(`starting ${command.brokers === 1 ? 'Kafka' : `${command.brokers} Kafka brokers`}, Redis and PostgreSQL`)
  const infrastructure = await startInfrastructure({
    directory: folder.path('infrastructure'),
    kafka: { brokers: command.brokers },
    redis: { persistent: true },
    postgres: true,
    portBase: infrastructurePort + (settings.portOffset % infrastructurePorts),
    detached: true,
  })
  const servers = infrastructure.servers.flatMap(({ spec, pid }) =>
    spec === undefined ? [] : [{ spec, pid, birth: birthOf(pid) }],
  )
  folder.write(domain, { drainTimeoutMs, servers, pods: [] })

  const { urls } = infrastructure
  const brokers = urls.kafka.split(',')
  tell('making topics and tables')
  const log = {
    ...settings.log,
    brokers,
    partitions: settings.log.partitions === largeDefaults.partitions ? partitionsIn(folder) : settings.log.partitions,
    slots: settings.log.slots === largeDefaults.slots ? smallInboxes.slots : settings.log.slots,
  }
  await deployTopics({ ...settings, log }, { replicas: command.brokers, minInSync: command.brokers === 3 ? 2 : 1 })
  await deployTables(urls.postgres)

  const layouts = layOut(settings, command.counts)
  tell(`starting ${layouts.length} pods`)
  const shared = sharedEnvironment(context, { kafka: urls.kafka, redis: urls.redis, layouts })
  const pods: Started[] = []
  for (const layout of layouts) {
    const spec = podSpec(layout, folder, { ...shared, ...databaseOf(layout, urls.postgres) })
    pods.push(startPod(context.tree === undefined ? spec : { ...spec, tree: context.tree }))
    folder.write(domain, { drainTimeoutMs, servers, pods })
  }
  await untilReady(pods)
  return { drainTimeoutMs, servers, pods }
}

/** How many partitions the inboxes have whose data is here, which never changes in place (R9); without data, as many as are to be made. */
function partitionsIn(folder: RunFolder): number {
  const broker = folder.path('infrastructure', 'kafka-1', 'data')
  if (!existsSync(broker)) return smallInboxes.partitions
  const made = readdirSync(broker).filter((name) => name.startsWith(`${inboxes.session.topic}-`))
  return made.length === 0 ? smallInboxes.partitions : made.length
}

/** Storage alone speaks SQL. */
function databaseOf({ service }: PodLayout, url: string): Readonly<Record<string, string>> {
  return service === 'storage' ? { STARLING_DATABASE_URL: url } : {}
}

/** What every pod is told beside its own ports. */
function sharedEnvironment(
  { settings, folder, environment }: UpContext,
  found: { readonly kafka: string; readonly redis: string; readonly layouts: readonly PodLayout[] },
): Readonly<Record<string, string>> {
  const { STARLING_DATABASE_URL: _database, ...handedOn } = environment
  const first = found.layouts.find(({ service }) => service === 'connection-manager')
  const address = `${settings.domain}:${first?.ports['http']}`
  return {
    ...handedOn,
    ...(settings.admin.token === '' ? { STARLING_ADMIN_TOKEN_FILE: makeToken(folder.path('admin.token')) } : {}),
    ...(settings.c2s.websocketUrl === '' ? { STARLING_C2S_WEBSOCKET_URL: `ws://${address}/xmpp-websocket` } : {}),
    ...(settings.c2s.boshUrl === '' ? { STARLING_C2S_BOSH_URL: `http://${address}/http-bind` } : {}),
    // On one machine nothing listens to others, unless the settings say so
    ...(settings.listen.c2s === '::' ? { STARLING_LISTEN_C2S: '127.0.0.1' } : {}),
    ...(settings.listen.http === '::' ? { STARLING_LISTEN_HTTP: '127.0.0.1' } : {}),
    STARLING_DATA_DIR: folder.path('data'),
    STARLING_LOG_BROKERS: found.kafka,
    STARLING_REDIS_URL: found.redis,
  }
}

function makeToken(file: string): string {
  writeFileSync(file, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 })
  return file
}

function podSpec(layout: PodLayout, folder: RunFolder, shared: Readonly<Record<string, string>>): PodSpec {
  const { name, service, configured, ports } = layout
  const variables: Readonly<Record<string, string>> = {
    c2s: 'STARLING_PORTS_C2S',
    c2sTls: 'STARLING_PORTS_C2S_TLS',
    http: 'STARLING_PORTS_HTTP',
  }
  const own = Object.fromEntries(Object.entries(configured).map(([port, value]) => [variables[port], String(value)]))
  return {
    name,
    service,
    ports,
    script: `services/${service}/src/main.ts`,
    log: folder.path('logs', `${name}.log`),
    environment: { ...shared, ...own, STARLING_POD: name },
  }
}
