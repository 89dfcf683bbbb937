import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { modules } from '@starling/modules'
import { loadConfig } from '@starling/runtime'
import { down } from '../../../../tools/cluster/down.ts'
import { clusterOf, openRunFolder, type RunFolder } from '../../../../tools/cluster/state.ts'
import { up } from '../../../../tools/cluster/up.ts'
import { root } from '../../../../tools/run.ts'
import { benchUsers, createAccounts } from './accounts.ts'
import { benchSettings } from './embedded-process.ts'
import { type Load, startLoad } from './load.ts'
import { type Figure, measureLoad } from './measure-load.ts'
import { cpuSeconds } from './process-cost.ts'

const clients = ['kafkajs', 'platformatic'] as const

/** Library that talks to Kafka. */
export type LogClient = (typeof clients)[number]

const rounds = 5
const warmUpMs = 5_000
const idleMs = 4_000
// Away from a developer's own cluster, and below the ports that systems hand out.
const portOffset = 6_000
const counts = { 'connection-manager': 1, session: 1, routing: 1, storage: 1, gateway: 1 } as const

/**
 * The pipeline on real Kafka, Redis and PostgreSQL with each log client in turn: one pod of each service, archived messages.
 * Units: CPU seconds of all pods and servers. Shape: the median of the rounds, and each round's figure beside it.
 */
export async function bench(): Promise<readonly Figure[]> {
  const all = new Map<string, { readonly unit: string; readonly values: number[] }>()
  for (let round = 0; round < rounds; round++) {
    // Who is first in a round changes: other work on the machine drifts.
    for (const client of round % 2 === 0 ? clients : clients.toReversed()) {
      for (const { name, value, unit } of await measured(client)) {
        const found = all.get(`${client}: ${name}`) ?? { unit, values: [] }
        found.values.push(value)
        all.set(`${client}: ${name}`, found)
      }
    }
  }
  return [...all].map(([name, { unit, values }]) => {
    const middle = [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
    return { name, value: middle, unit: `${unit} (${values.map((value) => Math.round(value)).join(', ')})` }
  })
}

async function measured(client: LogClient): Promise<readonly Figure[]> {
  const cluster = await startCluster(client, portOffset)
  try {
    const { load, groups } = cluster
    await load.atFull({ durationMs: warmUpMs, payload: '', inFlight: 8 })
    await sleep(idleMs)
    const before = cpuSeconds(Object.values(groups).flat())
    await sleep(idleMs)
    const idleShare = ((cpuSeconds(Object.values(groups).flat()) - before) * 1000) / idleMs
    const figures = await measureLoad({ name: 'archived', load, groups, payload: '', idleShare })
    return [{ name: 'idle, 50 users on', value: idleShare * 100, unit: '% of a core' }, ...figures]
  } finally {
    await cluster.stop()
  }
}

/** A cluster of one pod a service with its servers, in a folder of its own, and signed-in users. */
export interface BenchCluster {
  readonly load: Load
  /** Process ids of all pods, and of each server. */
  readonly groups: Readonly<Record<string, readonly number[]>>
  readonly stop: () => Promise<void>
}

/** Starts one. Errors: rejects with a sentence; what was started is ended. */
export async function startCluster(client: LogClient, offset: number): Promise<BenchCluster> {
  const directory = join(root, '.cache', `bench-cluster-${randomUUID().slice(0, 8)}`)
  const folder = openRunFolder(directory)
  const end = async (): Promise<void> => {
    await down(folder)
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    const { load, groups } = await startIn(folder, client, offset)
    return {
      load,
      groups,
      stop: () => {
        load.end()
        return end()
      },
    }
  } catch (error) {
    await end()
    throw error
  }
}

async function startIn(folder: RunFolder, client: LogClient, offset: number): Promise<Omit<BenchCluster, 'stop'>> {
  const token = randomUUID()
  const environment = {
    ...benchSettings,
    STARLING_ADMIN_TOKEN: token,
    STARLING_LOG_CLIENT: client,
    STARLING_PORT_OFFSET: String(offset),
  }
  const config = loadConfig(environment, modules)
  if (!config.ok) throw new Error(config.error.join('\n'))
  const command = { do: 'up', counts, brokers: 1, isFresh: true } as const
  const { domain } = config.value
  const launch = await up(command, { settings: config.value, folder, environment, tell: () => {} })
  const { pods, infrastructure } = clusterOf(domain, launch)
  const portsOf = (service: string, port: string): readonly number[] =>
    pods.flatMap((pod) => (pod.service === service ? (pod.ports[port] ?? []) : []))
  await createAccounts({ port: portsOf('gateway', 'http')[0] ?? 0, token })
  return {
    load: await startLoad({ ...benchUsers, ports: portsOf('connection-manager', 'c2s') }),
    groups: {
      pods: pods.map(({ pid }) => pid),
      ...Object.fromEntries(infrastructure.map(({ name, pid }) => [name, [pid]])),
    },
  }
}
