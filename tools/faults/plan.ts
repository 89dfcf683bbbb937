import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultBed } from '../cluster/testing/fault-bed.ts'

/** One fault: what is done to the cluster, and undone. */
export interface Fault {
  readonly name: string
  /** Does it and brings everything back. `random`: a number from 0 up to 1. */
  readonly run: (bed: FaultBed, random: () => number) => Promise<void>
}

/** Units: ms. A stop is longer than a lease (5 s) and than the time a group waits for a silent member (6 s). */
const times = { afterMs: 1_500, stopMs: 9_000, awayMs: 10_000, databaseAwayMs: 30_000 } as const

const services = ['connection-manager', 'session', 'routing', 'storage'] as const

/** kill -9, SIGSTOP with SIGCONT, and SIGTERM of one pod of a service. */
function podFaults(service: (typeof services)[number]): readonly Fault[] {
  const pick = (bed: FaultBed, random: () => number): string => {
    const pods = bed.pods().filter(({ spec }) => spec.service === service)
    return pods[Math.floor(random() * pods.length)]?.spec.name ?? `${service}-1`
  }
  return [
    {
      name: `kill -9 of a ${service}`,
      run: async (bed, random) => {
        const name = pick(bed, random)
        await bed.signal(name, 'SIGKILL')
        await sleep(times.afterMs + random() * times.afterMs)
        await bed.start(name)
      },
    },
    {
      name: `${service} stands still ${times.stopMs / 1000} s`,
      run: (bed, random) => standStill(bed, pick(bed, random), times.stopMs),
    },
    {
      name: `SIGTERM of a ${service}`,
      run: async (bed, random) => {
        const name = pick(bed, random)
        await bed.signal(name, 'SIGTERM')
        await bed.start(name)
      },
    },
  ]
}

async function standStill(bed: FaultBed, name: string, ms: number): Promise<void> {
  await bed.signal(name, 'SIGSTOP')
  await sleep(ms)
  await bed.start(name)
}

async function dies(bed: FaultBed, name: string, ms: number): Promise<void> {
  await bed.signal(name, 'SIGKILL')
  await sleep(ms)
  await bed.start(name)
}

/** Faults of what Starling stands on. */
const infrastructureFaults: readonly Fault[] = [
  {
    name: 'a Kafka broker dies, its partitions get other leaders',
    run: async (bed, random) => {
      const brokers = Object.keys(bed.servers()).filter((name) => name.startsWith('kafka'))
      await dies(bed, brokers[Math.floor(random() * brokers.length)] ?? 'kafka-1', times.afterMs * 2)
    },
  },
  {
    name: `all Kafka brokers stand still ${times.awayMs / 1000} s`,
    run: async (bed) => {
      const brokers = Object.keys(bed.servers()).filter((name) => name.startsWith('kafka'))
      for (const name of brokers) await bed.signal(name, 'SIGSTOP')
      await sleep(times.awayMs)
      for (const name of brokers) await bed.start(name)
    },
  },
  { name: 'Redis hangs 2 s', run: (bed) => standStill(bed, 'redis', 2_000) },
  { name: `Redis hangs ${times.awayMs / 1000} s`, run: (bed) => standStill(bed, 'redis', times.awayMs) },
  { name: 'Redis dies and comes back with its disk', run: (bed) => dies(bed, 'redis', times.afterMs) },
  {
    name: `PostgreSQL away ${times.databaseAwayMs / 1000} s`,
    run: (bed) => dies(bed, 'postgres', times.databaseAwayMs),
  },
]

/** Redis without its disk: what lives there alone is gone, and not promised. */
const lossyFaults: readonly Fault[] = [
  {
    name: 'Redis comes back empty',
    run: async (bed) => {
      await bed.signal('redis', 'SIGKILL')
      rmSync(bed.folder.path('infrastructure/redis/appendonlydir'), { recursive: true, force: true })
      await bed.start('redis')
    },
  },
]

/** Restarts every pod, one after another. */
const rolling: Fault = {
  name: 'rolling restart of every pod',
  run: async (bed) => {
    for (const { spec } of bed.pods()) {
      await bed.signal(spec.name, 'SIGTERM')
      await bed.start(spec.name)
    }
  },
}

/** Every fault whose outcome is promised, once each. */
export const faults: readonly Fault[] = [...services.flatMap(podFaults), ...infrastructureFaults, rolling]

/** Faults that lose what is not promised; reported, not judged. */
export const unjudged: readonly Fault[] = lossyFaults

const shortNames = ['kill -9 of', 'SIGTERM of a connection-manager', 'a Kafka broker dies', 'Redis hangs 2 s']

/** Those that `npm test` has time for. */
export const shortFaults: readonly Fault[] = faults.filter(({ name }) =>
  shortNames.some((start) => name.startsWith(start)),
)
