import type { BareJid } from '@starling/jid'
import { inboxes } from '@starling/wire'
import { type Broker, createBroker } from './broker.ts'
import { Client } from './client.ts'
import type { ClientPlan, Surroundings } from './client-plan.ts'
import type { Engine, Process } from './engine.ts'
import { type Flaws, noFlaws } from './flaws.ts'
import { domain } from './io.ts'
import type { Ledger } from './ledger.ts'
import { type SimulatedPod, startPod } from './pod.ts'
import { createPresenceServer, type PresenceServer } from './presence.ts'
import { type KeyedStage, keyedStages, type Servers, startStage } from './stages.ts'
import { standStill } from './stalls.ts'
import { createDatabase, type Database } from './storage.ts'

/** A whole system in one process: servers, pods of every stage, clients. */
export interface World {
  readonly engine: Engine
  readonly broker: Broker
  readonly presence: PresenceServer
  readonly database: Database
  readonly accounts: readonly BareJid[]
  readonly clients: readonly Client[]
  readonly ledger: Ledger
  /** Processes by the name of their place; a dead one is replaced there. */
  readonly places: Map<string, Place>
  readonly presenceLoss: PresenceLoss | undefined
  /** Faults are over. */
  isCalm: boolean
  /** When presence lost something last, and until when a pod is dead or stands still. Units: ms. */
  lostAtMs: number
  podAwayUntilMs: number
}

/** Where a process of a stage runs, one after another. */
export interface Place {
  readonly stage: KeyedStage | 'connection-manager'
  process: Process
  pod: SimulatedPod | undefined
  lives: number
}

/** What a world is made of beside its chance. */
export interface WorldOptions {
  readonly flaws?: Partial<Flaws>
  /** Of all clients, those with stream management. */
  readonly managed?: number
  /** Presence goes back by moments now and then, or forgets everything (R11). */
  readonly presenceLoss?: PresenceLoss
}

/** What presence may lose. */
export type PresenceLoss = 'back' | 'empty'

/** With few, a slot is leased again soon after its pod died; each may still hold what was written for the one before (R7). */
const slotCounts = [3, 4, 6] as const

/** Makes a world and starts everything in it. */
export function createWorld(engine: Engine, options: WorldOptions = {}): World {
  const { random } = engine
  const flaws = { ...noFlaws, ...options.flaws }
  const slots = random.pick(slotCounts)
  const partitions = {
    [inboxes.session.topic]: 1 + random.below(2),
    [inboxes.routing.topic]: 1 + random.below(2),
    [inboxes.storage.topic]: 1,
    [inboxes.pod.topic]: slots,
  }
  const accounts = ['ann', 'bob', 'cleo'].slice(0, 2 + random.below(2)).map((name) => `${name}@${domain}` as BareJid)
  const broker = createBroker(engine, partitions, flaws.broker)
  const presence = createPresenceServer(engine, flaws.presence)
  const database = createDatabase(engine, accounts, random.chance(0.4))
  const { presenceLoss } = options
  const isPresenceFickle = presenceLoss !== undefined
  for (const kind of isPresenceFickle ? (['session', 'routing'] as const) : [])
    presence.noteBefore(kind, partitions[inboxes[kind].topic] ?? 1)
  const servers: Servers = { engine, broker, presence, database, flaws: flaws.stage, isPresenceFickle }
  const plans = plansOf(engine, accounts, options.managed ?? 0.85)
  const managed = new Set(accounts.filter((jid) => plans.every(({ account, hasSm }) => account !== jid || hasSm)))
  const ledger: Ledger = { sent: new Map(), sessions: [], managed, isForgetful: options.presenceLoss === 'empty' }
  const places = new Map<string, Place>()
  const begin = (name: string, stage: Place['stage']): void => {
    const lives = (places.get(name)?.lives ?? 0) + 1
    const process = engine.process(`${name}.${lives}`)
    const pod = stage === 'connection-manager' ? startPod(servers, process, flaws.pod) : undefined
    if (stage !== 'connection-manager') startStage(servers, stage, process)
    places.set(name, { stage, process, pod, lives })
  }
  for (const stage of keyedStages) for (let at = 1; at <= 2; at++) begin(`${stage}-${at}`, stage)
  for (let at = 1; at <= 2 + random.below(2); at++) begin(`pod-${at}`, 'connection-manager')
  const pods = (): readonly SimulatedPod[] =>
    [...places.values()].flatMap(({ pod }) => (pod?.process.isAlive === true ? [pod] : []))
  const surroundings: Surroundings = {
    engine,
    ledger,
    pods,
    isCalm: () => world.isCalm,
    stall: (pod) => standStill(engine, { process: pod.process, pod }, 300 + random.next() * 3_500),
  }
  const clients = plans.map((plan) => new Client(surroundings, plan))
  const world: World & { readonly begin: typeof begin } = {
    engine,
    broker,
    presence,
    database,
    accounts,
    clients,
    ledger,
    places,
    presenceLoss,
    isCalm: false,
    lostAtMs: 0,
    podAwayUntilMs: 0,
    begin,
  }
  for (const client of clients) client.start()
  return world
}

/** Starts a new process where one died. */
export function restart(world: World, name: string): void {
  const place = world.places.get(name)
  if (place === undefined || place.process.isAlive) return
  world.engine.trace(() => `starts ${name}`)
  ;(world as World & { readonly begin: (name: string, stage: Place['stage']) => void }).begin(name, place.stage)
}

function plansOf({ random }: Engine, accounts: readonly BareJid[], managed: number): readonly ClientPlan[] {
  return accounts.flatMap((account) => {
    const devices = random.chance(0.25) ? 2 : 1
    const hasCarbons = devices === 2 && random.chance(0.5)
    const hasSm = random.chance(managed)
    return Array.from({ length: devices }, (_, at): ClientPlan => {
      const resource = `d${at + 1}`
      const others = accounts.filter((other) => other !== account)
      const name = `${account.slice(0, 1)}${at + 1}`
      return { name, account, resource, hasSm, hasCarbons, others, messages: 2 + random.below(6) }
    })
  })
}
