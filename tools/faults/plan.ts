import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, pick, type Scene, type Service, services } from './fault.ts'
import { redisForgets } from './forgotten.ts'
import { partitions } from './partitions.ts'
import { storm } from './storm/storm.ts'

/** How long things are away. Units: ms. */
interface Times {
  /** From a kill to the start of the next process. */
  readonly afterMs: number
  /** Longer than a lease (5 s) and than the time a group waits for a silent member (6 s). */
  readonly stopMs: number
  readonly awayMs: number
  readonly databaseAwayMs: number
}

const wholeTimes: Times = { afterMs: 1_500, stopMs: 9_000, awayMs: 10_000, databaseAwayMs: 30_000 }
const shortTimes: Times = { afterMs: 500, stopMs: 7_000, awayMs: 7_000, databaseAwayMs: 6_000 }

/** Sessions on the pod that dies in a storm, unless the command line says otherwise; and in the short form. */
export const stormSessions = 3_000
const fewSessions = 300

/** Does the same to several at once. */
async function each(names: readonly string[], act: (name: string) => Promise<void>): Promise<undefined> {
  await Promise.all(names.map(act))
  return undefined
}

/** kill -9, SIGSTOP with SIGCONT, and SIGTERM of one pod of a service, or of one of each of several at the same time. */
function podFaults(kinds: readonly Service[], times: Times): readonly Fault[] {
  const [only = ''] = kinds
  const who = kinds.length === 1 ? `a ${only}` : 'one pod of each kind'
  const picked = (scene: Scene): readonly string[] => kinds.map((kind) => pick(scene, kind))
  return [
    {
      name: `kill -9 of ${who}`,
      run: async (scene) => {
        const names = picked(scene)
        await each(names, (name) => scene.bed.signal(name, 'SIGKILL'))
        await sleep(times.afterMs * (1 + scene.random()))
        return each(names, scene.bed.start)
      },
    },
    {
      name: `${who} stands still ${times.stopMs / 1000} s`,
      run: (scene) => standStill(scene, picked(scene), times.stopMs),
    },
    {
      name: `SIGTERM of ${who}`,
      run: async (scene) => {
        const names = picked(scene)
        await each(names, (name) => scene.bed.signal(name, 'SIGTERM'))
        return each(names, scene.bed.start)
      },
    },
  ]
}

async function standStill({ bed }: Scene, names: readonly string[], ms: number): Promise<undefined> {
  await each(names, (name) => bed.signal(name, 'SIGSTOP'))
  await sleep(ms)
  return each(names, bed.start)
}

async function dies({ bed }: Scene, name: string, ms: number): Promise<undefined> {
  await bed.signal(name, 'SIGKILL')
  await sleep(ms)
  return each([name], bed.start)
}

function brokersOf({ bed }: Scene): readonly string[] {
  return Object.keys(bed.servers()).filter((name) => name.startsWith('kafka'))
}

/** The same as happens to pods, to one server of each kind. */
const serverFaults = (times: Times): readonly Fault[] =>
  [
    { who: 'a Kafka broker', end: 'SIGTERM' as const, pickOf: oneBroker },
    { who: 'Redis', end: 'SIGTERM' as const, pickOf: () => 'redis' },
    // Its fast shutdown, as its image asks for: at SIGTERM it would wait for its clients to leave
    { who: 'PostgreSQL', end: 'SIGINT' as const, pickOf: () => 'postgres' },
  ].flatMap(({ who, end, pickOf }): readonly Fault[] => [
    {
      name: `${end} of ${who}`,
      run: async (scene) => {
        const name = pickOf(scene)
        await scene.bed.signal(name, end)
        await sleep(times.afterMs)
        return each([name], scene.bed.start)
      },
    },
    {
      name: `${who} alone stands still ${times.stopMs / 1000} s`,
      run: (scene) => standStill(scene, [pickOf(scene)], times.stopMs),
    },
  ])

function oneBroker(scene: Scene): string {
  const brokers = brokersOf(scene)
  return brokers[Math.floor(scene.random() * brokers.length)] ?? 'kafka-1'
}

/** Faults of what Starling stands on. */
function infrastructureFaults(times: Times): readonly Fault[] {
  return [
    {
      name: 'a Kafka broker dies, its partitions get other leaders',
      run: (scene) => dies(scene, oneBroker(scene), times.afterMs * 2),
    },
    {
      name: `all Kafka brokers stand still ${times.awayMs / 1000} s`,
      run: (scene) => standStill(scene, brokersOf(scene), times.awayMs),
    },
    { name: 'Redis hangs 2 s', run: (scene) => standStill(scene, ['redis'], 2_000) },
    { name: `Redis hangs ${times.awayMs / 1000} s`, run: (scene) => standStill(scene, ['redis'], times.awayMs) },
    { name: 'Redis dies and comes back with its disk', run: (scene) => dies(scene, 'redis', times.afterMs) },
    redisForgets,
    {
      name: `PostgreSQL away ${times.databaseAwayMs / 1000} s`,
      run: (scene) => dies(scene, 'postgres', times.databaseAwayMs),
    },
  ]
}

/** Restarts every pod, one after another. */
const rolling: Fault = {
  name: 'rolling restart of every pod',
  run: async ({ bed }) => {
    for (const { spec } of bed.pods()) {
      await bed.signal(spec.name, 'SIGTERM')
      await bed.start(spec.name)
    }
    return undefined
  },
}

/** Every fault, once each. `sessions`: how many a storm has. */
export const faultsOf = (sessions: number): readonly Fault[] => [
  ...services.flatMap((service) => podFaults([service], wholeTimes)),
  ...infrastructureFaults(wholeTimes),
  ...serverFaults(wholeTimes),
  rolling,
  ...partitions(wholeTimes.awayMs),
  storm(sessions),
]

/** All of them in about five minutes, for `npm test`: shorter, and one pod of each kind at once; `rolling` is SIGTERM of each. */
export const shortFaults: readonly Fault[] = [
  ...podFaults(services, shortTimes).filter(({ name }) => !name.startsWith('SIGTERM')),
  storm(fewSessions),
  ...partitions(shortTimes.awayMs),
  ...infrastructureFaults(shortTimes),
  rolling,
]
