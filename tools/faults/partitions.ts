import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../cluster/testing/fault-bed.ts'
import { type Cable, whyNoIsland } from '../cluster/testing/island.ts'
import { type Fault, type Findings, pick, type Scene, type Service } from './fault.ts'
import type { Member } from './member.ts'

/** What a network takes away from one pod. */
interface Partition {
  readonly name: string
  readonly service: Service
  readonly cables: readonly Cable[]
  /** Watches while it lasts; returns what is wrong. */
  readonly during: (scene: Scene, pod: string) => Promise<readonly string[]>
}

/** Units: ms a cut-off pod has to be ready again, and its clients to be back elsewhere. */
const backTimeoutMs = 60_000
const lookMs = 50
/** Members that are to be on a connection-manager before it is cut off. */
const fewMembers = 3

const all: readonly Partition[] = [
  {
    name: 'a connection-manager is cut off from Kafka and Redis, not from its clients',
    service: 'connection-manager',
    cables: ['kafka', 'redis'],
    during: fences,
  },
  { name: 'a session is cut off from Kafka', service: 'session', cables: ['kafka'], during: silent },
  { name: 'a routing is cut off from Kafka and Redis', service: 'routing', cables: ['kafka', 'redis'], during: silent },
]

/** Partitions of the network, each for at least so long. Units: ms. */
export function partitions(awayMs: number): readonly Fault[] {
  return all.map((partition) => ({ name: `${partition.name} ${awayMs / 1000} s`, run: cutOff(partition, awayMs) }))
}

function cutOff({ service, cables, during }: Partition, awayMs: number): Fault['run'] {
  return async (scene): Promise<Findings> => {
    const why = whyNoIsland()
    if (why !== undefined) return { skipped: `no network namespaces here (root and iproute2 are needed): ${why}` }
    const { bed, party } = scene
    const name = pick(scene, service)
    const island = await bed.isolate(name)
    await until(() => bed.isReady(name), `${name} is ready in its namespace`)
    if (service === 'connection-manager') await party.gather(reachOf(scene, name), fewMembers)
    const end = performance.now() + awayMs
    for (const cable of cables) island.cut(cable)
    const broken = await during(scene, name)
    await sleep(Math.max(0, end - performance.now()))
    for (const cable of cables) island.mend(cable)
    // It wakes among the others: what it does late must have no effect
    await until(() => bed.isReady(name), `${name} is ready again`, backTimeoutMs)
    await sleep(lookMs * 20)
    await bed.rejoin(name)
    return { broken }
  }
}

async function silent(): Promise<readonly string[]> {
  return []
}

/** R7: it closes its clients' sockets by itself, before others think it dead; they resume elsewhere while it is still away. */
async function fences(scene: Scene, name: string): Promise<readonly string[]> {
  const { bed, party } = scene
  const reach = reachOf(scene, name)
  const was = party.members.filter((member) => member.kind.isManaged && member.isOnline && member.at === reach)
  const resumed = was.map(({ counts }) => counts.resumed)
  const lost = (): boolean => bed.log(name).some(({ what }) => what === 'slot.lost')
  const end = performance.now() + backTimeoutMs
  const isBack = (member: Member, at: number): boolean =>
    member.isOnline && member.at !== reach && member.counts.resumed > (resumed[at] ?? 0)
  while (!(lost() && was.every(isBack)) && performance.now() < end) await sleep(lookMs)
  const away = was.filter((member, at) => !isBack(member, at)).map(({ kind }) => kind.name)
  return [
    ...(lost() ? [] : [`${name} has not fenced itself`]),
    ...(was.length > 0 ? [] : [`nobody was on ${name}`]),
    ...(away.length === 0 ? [] : [`not resumed elsewhere: ${away.join(', ')}`]),
  ]
}

function reachOf({ bed }: Scene, name: string): number {
  return bed
    .pods()
    .filter(({ spec }) => spec.service === 'connection-manager')
    .findIndex(({ spec }) => spec.name === name)
}
