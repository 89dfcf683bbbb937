import { createEngine, startMs, textOf } from './engine.ts'
import { endFaults, startFaults } from './faults.ts'
import { resumeSeconds } from './io.ts'
import { type Archives, reconcile } from './ledger.ts'
import { randomOf } from './random.ts'
import { virtualTimers } from './timers.ts'
import { createWorld, type World, type WorldOptions } from './world.ts'

/** What one run came to. */
export interface Run {
  readonly seed: number
  /** Empty when every promise was kept. */
  readonly violations: readonly string[]
  readonly steps: number
  /** Units: ms of virtual time. */
  readonly tookMs: number
  readonly messages: number
  readonly acknowledged: number
}

/** How a run is made. */
export interface RunOptions extends WorldOptions {
  readonly onTrace?: (line: string) => void
}

const restMs = 90_000
const settleMs = 2_500
/** Beyond the time that a session waits: until its pod notices that nobody is there, and until the records are through. */
const endMs = 50_000

/** Runs one seed: chaos, then calm until all is at rest, then everybody who left comes back once, then all is reconciled. */
export async function simulate(seed: number, options: RunOptions = {}): Promise<Run> {
  const random = randomOf(seed)
  const engine = createEngine({ random, onTrace: options.onTrace })
  const realTimers = virtualTimers(engine)
  const onRejection = (error: unknown): void => engine.violation(`threw, and nobody listened: ${textOf(error)}`)
  process.on('unhandledRejection', onRejection)
  try {
    const world = createWorld(engine, options)
    const chaosMs = 8_000 + random.next() * 25_000
    startFaults(world, startMs + chaosMs)
    await engine.run(() => engine.violations.length > 0, startMs + chaosMs)
    if (engine.violations.length === 0) await comeToRest(world)
    if (engine.violations.length === 0 && world.clients.some(({ hasLeft }) => hasLeft)) {
      // Sessions of those who left must end by themselves, and what they held must not be lost
      await engine.run(() => engine.violations.length > 0, engine.nowMs() + resumeSeconds * 1_000 + endMs)
      for (const text of await sessionsLeft(world)) engine.violation(text)
      for (const client of world.clients) if (client.hasLeft) client.comeAnew()
      await comeToRest(world)
    }
    const own = engine.violations
    const found = own.length > 0 ? [] : [...reconcile(world.ledger, archivesOf(world)), ...(await queuesLeft(world))]
    for (const text of found) engine.trace(() => `VIOLATION ${text}`)
    const sent = [...world.ledger.sent.values()]
    return {
      seed,
      violations: [...own, ...found],
      steps: engine.steps(),
      tookMs: engine.nowMs() - startMs,
      messages: sent.length,
      acknowledged: sent.filter(({ isAcked }) => isAcked).length,
    }
  } finally {
    process.off('unhandledRejection', onRejection)
    realTimers()
  }
}

/** Ends the faults and waits until nothing is on its way any more. */
async function comeToRest(world: World): Promise<void> {
  const { engine, broker, clients } = world
  endFaults(world)
  const endMs = engine.nowMs() + restMs
  const isAtRest = (): boolean => clients.every((client) => client.isAtRest) && broker.isQuiet()
  let looksAtMs = 0
  const isOver = (): boolean => {
    if (engine.violations.length > 0) return true
    if (engine.nowMs() < looksAtMs) return false
    looksAtMs = engine.nowMs() + 250
    return isAtRest()
  }
  do {
    await engine.run(isOver, endMs)
    if (engine.violations.length > 0) return
    await engine.run(() => engine.violations.length > 0, engine.nowMs() + settleMs)
  } while (!isAtRest() && engine.nowMs() < endMs)
  if (isAtRest()) return
  const waiting = clients.filter((client) => !client.isAtRest).map(({ status }) => status)
  engine.violation(`LIVE no rest: ${waiting.join('; ')} ${broker.isQuiet() ? '' : broker.lag()}`)
}

function archivesOf({ accounts, database }: World): Archives {
  const bodyOf = (raw: Uint8Array): string => /<body>([^<]*)<\/body>/.exec(Buffer.from(raw).toString('utf8'))?.[1] ?? ''
  return new Map(accounts.map((owner) => [owner, database.archive(owner).map(({ raw }) => bodyOf(raw))]))
}

/** R6, R7: whoever left for good has no session once its time is over, though its pod may have died meanwhile. */
async function sessionsLeft({ clients, presence }: World): Promise<readonly string[]> {
  const gone = clients.filter(({ hasLeft }) => hasLeft)
  const states = await presence.inside().readStates(
    'session',
    gone.map(({ plan }) => plan.account),
  )
  return gone.flatMap(({ plan: { name, resource } }, at) =>
    // Shape: `r:` and the resource is the field of a session
    states[at]?.fields.has(`r:${resource}`) === true ? [`I6 ${name} left for good, its session is still there`] : [],
  )
}

/** Nothing is kept that the client, who has received and acknowledged all, has not counted: else the counts differ (R4). */
async function queuesLeft({ clients, presence }: World): Promise<readonly string[]> {
  const broken: string[] = []
  for (const client of clients) {
    if (client.queue === undefined) continue
    const { counted, ...queue } = client.queue
    const [left = []] = await presence.inside().readQueues([{ ...queue, ordinal: counted }], 5)
    if (left.length > 0) broken.push(`I5 ${client.plan.name} counted ${counted}, number ${left[0]?.ordinal} is kept`)
  }
  return broken
}
