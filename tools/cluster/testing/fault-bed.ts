import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { modules } from '@starling/modules'
import { loadConfig } from '@starling/runtime'
import type { Reach } from '@starling/testkit'
import { down, isOurs } from '../down.ts'
import { isReady } from '../pod-process.ts'
import { startNamed } from '../start.ts'
import { type LaunchFile, openRunFolder, type PodSpec, type RunFolder } from '../state.ts'
import { up } from '../up.ts'
import { type Cable, type Island, makeIsland } from './island.ts'

/** A cluster whose parts are killed, stopped and brought back. */
export interface FaultBed {
  readonly folder: RunFolder
  readonly reaches: readonly Reach[]
  readonly createAccount: (jid: string, password: string) => Promise<void>
  /** Sends a signal to a pod or server; after one that ends it (SIGKILL, SIGTERM, SIGINT) waits until it is gone. */
  readonly signal: (name: string, signal: NodeJS.Signals) => Promise<void>
  /** Brings it back, or lets it go on. */
  readonly start: (name: string) => Promise<void>
  /** Restarts a pod in a network namespace of its own, whose cables can be cut (whyNoIsland tells where it cannot). */
  readonly isolate: (name: string) => Promise<Island>
  /** Restarts it where it was, and removes its namespace. */
  readonly rejoin: (name: string) => Promise<void>
  readonly pods: () => LaunchFile['pods']
  /** From its next start on it runs from that source tree. */
  readonly runFrom: (pod: string, tree: string) => void
  /** Ports of the servers by name. */
  readonly servers: () => Readonly<Record<string, number>>
  readonly isReady: (pod: string) => Promise<boolean>
  /** What a pod's log says, each line an object; lines that are none are left out. */
  readonly log: (pod: string) => readonly Readonly<Record<string, unknown>>[]
  /** Fails when a pod has ended that nobody killed, or its log tells of a bug. */
  readonly well: () => Promise<void>
  readonly end: () => Promise<void>
}

/** Units: ms a pod or server has to end. */
const goneTimeoutMs = 30_000
/** Units: ms until everything is ready again after a fault. */
const readyTimeoutMs = 60_000
const lookMs = 50
/** Log events that tell of a bug, or of something given up. */
const bugs = /bug|given-up|uncaught|unhandled|cannot-start|unreadable|unexpected/

/** Brings a cluster up away from others. Errors: rejects with a sentence; what was started is ended. */
export async function makeFaultBed(
  portOffset: number,
  more: {
    readonly brokers?: 1 | 3
    readonly environment?: Readonly<Record<string, string>>
    readonly tree?: string | undefined
  } = {},
): Promise<FaultBed> {
  const directory = mkdtempSync(join(tmpdir(), 'starling-faults-'))
  const folder = openRunFolder(directory)
  const { brokers = 1 } = more
  const own = {
    STARLING_PORT_OFFSET: String(portOffset),
    STARLING_SCRAM_ITERATIONS: '4096',
    // Everybody comes from this machine
    STARLING_C2S_STREAMS_PER_ADDRESS: '0',
  }
  const environment: Readonly<Record<string, string>> = { ...own, ...more.environment }
  const config = loadConfig(environment, modules)
  if (!config.ok) throw new Error(config.error.join('\n'))
  const counts = { 'connection-manager': 2, session: 2, routing: 2, storage: 1, gateway: 1 }
  const islands = new Map<string, { readonly island: Island; readonly spec: PodSpec }>()
  const end = async (): Promise<void> => {
    await down(folder)
    for (const { island } of islands.values()) await island.end()
    rmSync(directory, { recursive: true, force: true })
  }
  const context = { settings: config.value, folder, environment, tell: () => {}, tree: more.tree }
  const { pods } = await up({ do: 'up', counts, brokers, isFresh: true }, context).catch(async (error: unknown) => {
    await end()
    throw error
  })
  const api = pods.find(({ spec }) => spec.service === 'gateway')?.spec.ports['http']
  const token = readFileSync(folder.path('admin.token'), 'utf8').trim()
  const launch = (): LaunchFile => folder.read() ?? { drainTimeoutMs: 0, servers: [], pods: [] }
  const podOf = (name: string): LaunchFile['pods'][number] =>
    launch().pods.find(({ spec }) => spec.name === name) ?? assert.fail(`there is no pod ${name}`)
  const log: FaultBed['log'] = (pod) =>
    readFileSync(podOf(pod).spec.log, 'utf8')
      .split('\n')
      .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []))
  const signal: FaultBed['signal'] = async (name, sent) => {
    const one = [...launch().servers, ...launch().pods].find(({ spec }) => spec.name === name)
    if (one === undefined || !isOurs(one)) assert.fail(`${name} does not run`)
    process.kill(one.pid, sent)
    if (!['SIGKILL', 'SIGTERM', 'SIGINT'].includes(sent)) return
    await until(() => !isOurs(one), `${name} is gone`, goneTimeoutMs)
  }
  /** Starts a pod that has ended as another spec says. */
  const startAs = async (spec: PodSpec): Promise<void> => {
    const now = launch()
    const pods = now.pods.map((pod) => (pod.spec.name === spec.name ? { ...pod, spec } : pod))
    folder.write(folder.domain(), { ...now, pods })
    await startNamed(spec.name, folder)
  }
  return {
    folder,
    reaches: pods
      .filter(({ spec }) => spec.service === 'connection-manager')
      .map(({ spec: { ports } }) => ({ domain: 'localhost', c2s: ports['c2s'] ?? 0, http: ports['http'] ?? 0 })),
    createAccount: async (jid, password) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const body = JSON.stringify({ jid, password })
      const response = await fetch(`http://127.0.0.1:${api}/api/accounts`, { method: 'POST', headers, body })
      if (!response.ok) throw new Error(`creating ${jid}: ${response.status} ${await response.text()}`)
    },
    signal,
    start: async (name) => void (await startNamed(name, folder)),
    isolate: async (name) => {
      const { spec } = podOf(name)
      const servers = launch().servers.map(({ spec: { name: server, port } }) => ({ cable: cableOf(server), port }))
      await signal(name, 'SIGTERM')
      const island = await makeIsland({ servers, ports: Object.values(spec.ports) })
      islands.set(name, { island, spec })
      const listens = { STARLING_LISTEN_C2S: '0.0.0.0', STARLING_LISTEN_HTTP: '0.0.0.0' }
      const environment = { ...spec.environment, ...listens }
      await startAs({ ...spec, environment, namespace: island.name })
      return island
    },
    rejoin: async (name) => {
      const one = islands.get(name) ?? assert.fail(`${name} is on no island`)
      await signal(name, 'SIGTERM')
      islands.delete(name)
      await one.island.end()
      await startAs(one.spec)
    },
    runFrom: (name, tree) => {
      const now = launch()
      const pods = now.pods.map((pod) => (pod.spec.name === name ? { ...pod, spec: { ...pod.spec, tree } } : pod))
      folder.write(folder.domain(), { ...now, pods })
    },
    pods: () => launch().pods,
    servers: () => Object.fromEntries(launch().servers.map(({ spec }) => [spec.name, spec.port])),
    isReady: (name) => {
      const { spec, pid } = podOf(name)
      return isReady(spec, pid)
    },
    log,
    well: async () => {
      for (const pod of launch().pods) {
        assert.ok(isOurs(pod), `${pod.spec.name} still runs`)
        await until(() => isReady(pod.spec, pod.pid), `${pod.spec.name} is ready`, readyTimeoutMs)
        const told = log(pod.spec.name).filter(({ what }) => bugs.test(String(what)))
        assert.deepEqual(told, [], `${pod.spec.name} tells of no bug`)
      }
    },
    end,
  }
}

function cableOf(server: string): Cable {
  return server.startsWith('kafka') ? 'kafka' : server === 'postgres' ? 'postgres' : 'redis'
}

/** Waits until something holds. Errors: fails when it does not in time. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = readyTimeoutMs,
): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > end) assert.fail(`not within ${timeoutMs} ms: ${what}`)
    await sleep(lookMs)
  }
}
