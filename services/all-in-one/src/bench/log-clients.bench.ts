import { setTimeout as sleep } from 'node:timers/promises'
import { type BenchCluster, type LogClient, startCluster } from './cluster.bench.ts'
import type { LoadResult } from './load.ts'
import type { Figure } from './measure-load.ts'
import { cpuSeconds } from './process-cost.ts'

// Side by side they need twice the processes: half the rate of the other benchmarks.
const perSecond = 250
const durationMs = 9_000
const warmUpMs = 6_000
const restMs = 1_500
const rounds = 3
const offsets: Readonly<Record<LogClient, number>> = { kafkajs: 6_000, platformatic: 6_350 }

const modes = {
  [`${perSecond}/s`]: ({ load }: BenchCluster) => load.atRate({ durationMs, payload: '', perSecond }),
  'full load': ({ load }: BenchCluster) => load.atFull({ durationMs, payload: '', inFlight: 16 }),
} as const

/**
 * Both log clients at the same moment, a cluster each: whatever else the machine does, it does to both.
 * Units: CPU seconds of all pods and servers of each cluster. Shape: a figure a client, mode and round.
 */
export async function bench(): Promise<readonly Figure[]> {
  const clusters = new Map<LogClient, BenchCluster>()
  try {
    for (const client of ['kafkajs', 'platformatic'] as const) {
      clusters.set(client, await startCluster(client, offsets[client]))
    }
    await Promise.all(
      [...clusters.values()].map(({ load }) => load.atFull({ durationMs: warmUpMs, payload: '', inFlight: 8 })),
    )
    const figures: Figure[] = []
    for (let round = 1; round <= rounds; round++) {
      for (const [mode, run] of Object.entries(modes)) {
        const sides = [...clusters].map(([client, cluster]) => side(`${mode}, round ${round}, ${client}`, cluster, run))
        figures.push(...(await Promise.all(sides)).flat())
      }
    }
    return figures
  } finally {
    await Promise.all([...clusters.values()].map((cluster) => cluster.stop()))
  }
}

async function side(
  name: string,
  cluster: BenchCluster,
  run: (cluster: BenchCluster) => Promise<LoadResult>,
): Promise<readonly Figure[]> {
  const pids = Object.values(cluster.groups).flat()
  const before = cpuSeconds(pids)
  const { sent, lost, duplicated, reordered, perSecond, p99Ms } = await run(cluster)
  await sleep(restMs)
  return [
    { name: `${name}: CPU`, value: ((cpuSeconds(pids) - before) / (sent - lost)) * 1e6, unit: 's/1M messages' },
    { name: `${name}: rate`, value: perSecond, unit: 'messages/s' },
    { name: `${name}: latency p99`, value: p99Ms, unit: 'ms' },
    { name: `${name}: lost, duplicated, reordered`, value: lost + duplicated + reordered, unit: `of ${sent} messages` },
  ]
}
