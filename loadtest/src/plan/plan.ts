import type { Endpoint } from '../client/link.ts'
import type { Block, Scenario } from '../scenario/scenario.ts'

/** Users of one group that one worker has: places in the whole run. */
export interface Slice {
  readonly from: number
  readonly to: number
}

/** What one worker does. */
export interface WorkerPlan {
  readonly worker: number
  readonly workers: number
  /** Four letters that mark this worker's numbers in this run. */
  readonly tag: string
  readonly domain: string
  readonly endpoints: readonly Endpoint[]
  readonly scenario: Omit<Scenario, 'groups' | 'blocks' | 'signInPerSecond'>
  readonly signInPerSecond: number
  readonly slices: readonly Slice[]
  /** With this worker's share of every rate. */
  readonly blocks: readonly Block[]
  /** Accounts of a CSV for its users, in the order of its slices; empty where names are made of the prefix. */
  readonly accounts: readonly (readonly [name: string, password: string])[]
}

/** What all workers share. */
export interface PlanOptions {
  readonly workers: number
  readonly domain: string
  readonly endpoints: readonly Endpoint[]
  readonly runTag: string
  readonly accounts: readonly (readonly [name: string, password: string])[]
}

/** Users of a whole scenario. */
export function countUsers(groups: readonly number[]): number {
  return groups.reduce((sum, users) => sum + users, 0)
}

/** Divides a scenario among workers, pairs of users staying together. Shape: `runTag` is 3 letters. */
export function planWorkers(scenario: Scenario, options: PlanOptions): readonly WorkerPlan[] {
  const { workers, runTag, accounts, domain, endpoints } = options
  const { groups, blocks, signInPerSecond, ...common } = scenario
  const total = countUsers(groups)
  return Array.from({ length: workers }, (_, worker) => {
    let base = 0
    const slices = groups.map((users) => {
      const slice = sliceOf(users, worker, workers)
      const placed = { from: base + slice.from, to: base + slice.to }
      base += users
      return placed
    })
    const share = (group: number): number => {
      const slice = slices[group]
      const users = groups[group] ?? 0
      return slice === undefined || users === 0 ? 0 : (slice.to - slice.from) / users
    }
    const own = slices.reduce((sum, { from, to }) => sum + to - from, 0)
    return {
      worker,
      workers,
      tag: runTag + String.fromCharCode(worker < 26 ? 97 + worker : 39 + worker),
      domain,
      endpoints,
      scenario: { ...common, seed: common.seed + worker },
      signInPerSecond: total === 0 ? signInPerSecond : (signInPerSecond * own) / total,
      slices,
      blocks: blocks.flatMap((block) => (share(block.group) === 0 ? [] : [shared(block, share(block.group))])),
      accounts: accounts.length === 0 ? [] : slices.flatMap(({ from, to }) => accounts.slice(from, to)),
    }
  })
}

/** Most workers a run may have: each needs a letter of its own. */
export const maxWorkers = 52

/** A worker's part of a group; its bounds are even. */
function sliceOf(users: number, worker: number, workers: number): Slice {
  const pairs = users / 2
  const bound = (at: number): number => Math.floor((pairs * at) / workers) * 2
  return { from: bound(worker), to: bound(worker + 1) }
}

function shared(block: Block, share: number): Block {
  if (block.kind === 'idle' || block.pace.kind !== 'rate') return block
  return { ...block, pace: { kind: 'rate', perSecond: block.pace.perSecond * share } } as Block
}
