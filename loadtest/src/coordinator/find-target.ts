import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Transport } from '../scenario/scenario.ts'
import { runningCluster } from './cluster-file.ts'
import { startEmbedded } from './embedded.ts'
import { killPod } from './pod-kill.ts'
import { portFor, readEndpoints, type ServerPorts, type ServerProcess, type Target } from './target.ts'

/** What the command line says of the target. */
export interface TargetOptions {
  readonly target: string
  readonly domain: string | undefined
  readonly adminUrl: string | undefined
  readonly adminToken: string | undefined
  readonly serverPids: readonly number[]
  readonly metricsUrls: readonly string[]
  /** Folder of running things, `.run`. */
  readonly runDir: string
}

/** What `npm run loadtest -- target NAME up` leaves in `.run/targets/NAME.json`. */
export interface PeerFile {
  readonly domain: string
  readonly ports: ServerPorts
  readonly processes: readonly ServerProcess[]
}

/** Servers that the suite installs and starts for comparisons. */
export const peers = ['ejabberd', 'prosody'] as const

/** Finds the server to load, or starts the embedded one. Errors: rejects with a sentence. */
export async function findTarget(options: TargetOptions, transport: Transport): Promise<Target> {
  const found = await byName(options, transport)
  const named = options.serverPids.map((pid) => ({ name: `pid ${pid}`, pid }))
  return {
    ...found,
    domain: options.domain ?? found.domain,
    admin: options.adminUrl === undefined ? found.admin : { url: options.adminUrl, token: options.adminToken ?? '' },
    processes: named.length === 0 ? found.processes : named,
    metricsUrls: options.metricsUrls.length === 0 ? found.metricsUrls : options.metricsUrls,
  }
}

async function byName(options: TargetOptions, transport: Transport): Promise<Target> {
  const { target, runDir } = options
  if (target === 'embedded') return startEmbedded(transport)
  if (target === 'cluster') return cluster(runDir, transport)
  if ((peers as readonly string[]).includes(target)) return peer(target, runDir, transport)
  const endpoints = readEndpoints(target, transport)
  if (endpoints === undefined) {
    throw new Error(`--target ${target} is not HOST:PORT, embedded, cluster, ${peers.join(' or ')}`)
  }
  const domain = endpoints[0]?.host ?? 'localhost'
  return { ...remote, name: target, domain: /^[\d.:]+$/.test(domain) ? 'localhost' : domain, endpoints }
}

const remote = {
  admin: undefined,
  isOpen: false,
  processes: [],
  metricsUrls: [],
  killPod: undefined,
  stop: async () => {},
} as const

function cluster(runDir: string, transport: Transport): Target {
  const file = runningCluster(runDir)
  if (file === undefined) throw new Error('no cluster runs here: start one with npm run cluster -- up')
  const managers = file.pods.filter(({ service }) => service === 'connection-manager')
  const gateway = file.pods.find(({ service }) => service === 'gateway')?.ports['http']
  const tokenFile = join(runDir, 'admin.token')
  const token = existsSync(tokenFile) ? readFileSync(tokenFile, 'utf8').trim() : ''
  return {
    ...remote,
    name: 'cluster',
    domain: file.domain,
    endpoints: managers.map(({ ports }) => ({
      host: '127.0.0.1',
      port: portFor(transport, ports as unknown as ServerPorts),
    })),
    admin: gateway === undefined || token === '' ? undefined : { url: `http://127.0.0.1:${gateway}`, token },
    killPod: (service, restartAfterMs) => killPod(runDir, service, restartAfterMs),
    processes: [...file.pods, ...file.infrastructure].map(({ name, pid }) => ({ name, pid })),
  }
}

function peer(name: string, runDir: string, transport: Transport): Target {
  const file = readJson<PeerFile>(join(runDir, 'targets', `${name}.json`))
  if (file === undefined)
    throw new Error(`${name} does not run here: start it with npm run loadtest -- target ${name} up`)
  const { domain, ports, processes } = file
  return {
    ...remote,
    name,
    domain,
    processes,
    isOpen: true,
    endpoints: [{ host: '127.0.0.1', port: portFor(transport, ports) }],
  }
}

function readJson<T>(file: string): T | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : undefined
}
