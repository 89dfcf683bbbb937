import { inboxes } from '@starling/wire'
import { go, standStill } from './stalls.ts'
import { type Place, type PresenceLoss, restart, type World } from './world.ts'

/** Presence loses nothing so soon after a pod died, and the other way round. Units: ms. */
const apartMs = 5_000

/** Does something bad now and then, and mends it later, until the time is over. Units: ms. */
export function startFaults(world: World, untilMs: number): void {
  const { engine } = world
  const { random } = engine
  // Some runs are quiet, some see something every half second
  const everyMs = random.pick([600, 1_500, 4_000, 10_000])
  if (random.chance(0.3)) world.broker.duplicates = 0.05
  if (random.chance(0.2)) world.broker.trouble.failures = 0.02
  if (random.chance(0.2)) world.presence.trouble.failures = 0.02
  if (random.chance(0.2)) world.database.trouble.failures = 0.02
  const next = (): void => {
    if (engine.nowMs() >= untilMs) return
    fault(world)
    engine.later(undefined, random.next() * 2 * everyMs, next)
  }
  engine.later(undefined, 1_000 + random.next() * everyMs, next)
}

/** Ends all faults: what is dead is started, what stands still goes on. */
export function endFaults(world: World): void {
  world.isCalm = true
  world.broker.duplicates = 0
  for (const { trouble } of [world.broker, world.presence, world.database]) {
    trouble.failures = 0
    trouble.awayUntilMs = 0
  }
  for (const [name, { process }] of world.places) {
    if (process.isStopped) go(world.engine, process)
    restart(world, name)
  }
}

function fault(world: World): void {
  const { engine, places, clients } = world
  const { random } = engine
  if (world.presenceLoss !== undefined && random.chance(0.15)) {
    if (engine.nowMs() > world.podAwayUntilMs + apartMs) lose(world, world.presenceLoss)
    return
  }
  const kind = random.next()
  const [name, place] = random.pick([...places])
  // Not promised (docs/guarantees.md): presence goes back, and in the same moments accounts get another owner, or a pod dies
  const isNew = kind < 0.4 ? place.stage === 'session' : kind < 0.55
  const isPodAway = kind < 0.4 && place.pod !== undefined
  const isTooMuch = isNew || (isPodAway && engine.nowMs() < world.lostAtMs + apartMs)
  if (world.presenceLoss !== undefined && isTooMuch) random.pick(clients).cut(random.chance(0.4))
  else if (kind < 0.2) kill(world, name, place)
  else if (kind < 0.4) stop(world, place)
  else if (kind < 0.55) world.broker.rebalance()
  else if (kind < 0.6) {
    const topic = random.pick([inboxes.session.topic, inboxes.routing.topic, inboxes.storage.topic, inboxes.pod.topic])
    engine.trace(() => `holds ${topic} back`)
    world.broker.holdBack(topic, random.next() * 5_000)
  } else if (kind < 0.65) {
    const server = random.pick([world.broker, world.presence, world.database])
    server.trouble.awayUntilMs = engine.nowMs() + random.next() * 4_000
  } else if (kind < 0.72) random.pick(clients).leave(random.pick([2_000, 10_000, 40_000]))
  else if (kind < 0.75) random.pick(clients).leave(Number.POSITIVE_INFINITY)
  else random.pick(clients).cut(random.chance(0.4))
}

/** R11: another server takes over, without what it had not heard of yet; it is away meanwhile. */
function lose(world: World, loss: PresenceLoss): void {
  const { engine, presence } = world
  world.lostAtMs = engine.nowMs()
  presence.goBack(loss === 'empty' ? Number.POSITIVE_INFINITY : engine.random.next() * 2_000)
  presence.trouble.awayUntilMs = engine.nowMs() + engine.random.next() * 1_500
}

function kill(world: World, name: string, { process, pod }: Place): void {
  const { engine } = world
  if (!process.isAlive) return
  engine.trace(() => `KILL ${process.name}`)
  engine.kill(process)
  for (const line of pod?.lines ?? []) line.podDied()
  if (pod !== undefined) world.podAwayUntilMs = Math.max(world.podAwayUntilMs, engine.nowMs())
  engine.later(undefined, engine.random.next() * 8_000, () => restart(world, name))
}

function stop(world: World, { process, pod }: Place): void {
  const { engine } = world
  const ms = engine.random.pick([500, 4_000, 12_000, 40_000]) * (0.5 + engine.random.next())
  if (pod !== undefined) world.podAwayUntilMs = Math.max(world.podAwayUntilMs, engine.nowMs() + ms)
  standStill(engine, { process, pod }, ms)
}
