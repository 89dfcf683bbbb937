import type { PodIo, PodLife } from '@starling/core'
import { expireHibernations } from './expire.ts'
import { limits } from './limits.ts'
import type { Meters } from './meters.ts'
import type { Later } from './pod.ts'
import { readEntry } from './roll.ts'

/** Since when each life has been seen dead, by `keyOf`. Units: ms of the watcher's monotonic clock. */
export type DeadSince = ReadonlyMap<string, number>

/** What one look at presence showed. */
export interface Look {
  readonly rolls: readonly PodLife[]
  /** Leases that run, slot to epoch; read after the rolls: a pod enlists only under a lease that runs. */
  readonly running: ReadonlyMap<number, number>
  readonly nowMs: number
}

/**
 * Which lives with a roll are over, and have been for the grace: pure.
 * Source: DESIGN R7. A life that is over never comes back: its slot's next lease has another epoch.
 */
export function watchLives(
  before: DeadSince,
  { rolls, running, nowMs }: Look,
): { readonly since: DeadSince; readonly dead: readonly PodLife[] } {
  const since = new Map<string, number>()
  const dead: PodLife[] = []
  for (const life of rolls) {
    if (running.get(life.slot) === life.epoch) continue
    const firstMs = before.get(keyOf(life)) ?? nowMs
    since.set(keyOf(life), firstMs)
    if (nowMs - firstMs >= limits.sweepGraceMs) dead.push(life)
  }
  return { since, dead }
}

/** What sweeping needs of its pod. */
export interface SweepPorts {
  readonly io: Pick<PodIo, 'presence' | 'publish' | 'clock' | 'monotonic' | 'random' | 'logger' | 'isReady'>
  readonly meters: Pick<Meters, 'sweptSessions' | 'sweptRolls' | 'sweepFaults' | 'expiredSessions'>
}

/**
 * Deals with the sessions of pods that died, for every pod of the connection-manager does so: routing is told of the death,
 * the session stage of each session's end or hibernation (R6); and ends hibernations whose time is over.
 * Order: routing is told first, so that what is delivered meanwhile is queued; a session is struck off its roll only after the log holds its drop, so a sweeper may die anywhere; two that sweep
 * the same roll write a drop twice, and the second finds nothing (R6).
 */
export class Sweeper {
  readonly #ports: SweepPorts
  #since: DeadSince = new Map()
  /** Lives whose death the log holds, by `keyOf`. */
  #told: ReadonlySet<string> = new Set()

  constructor(ports: SweepPorts) {
    this.#ports = ports
  }

  /** Lives seen dead whose roll is not ended yet. */
  get deadLives(): number {
    return this.#since.size
  }

  /** Looks once and writes at most `limits.sweepPage` drops; returns when to look again. Units: ms. Errors: none. */
  async round(): Promise<number> {
    const { io, meters } = this.#ports
    let isMore = false
    try {
      const dead = await this.#look()
      isMore = dead.length > 0 && (await this.#sweep(dead))
      if (io.isReady() && (await expireHibernations(this.#ports))) isMore = true
    } catch (error) {
      // Presence is away: what was seen dead is looked at anew, for it may have forgotten leases that run.
      this.#since = new Map()
      meters.sweepFaults.add()
      io.logger.debug({ what: 'sweep-failed', error })
    }
    // Between half and one and a half: pods that started together do not look together.
    return isMore ? limits.sweepPageMs : limits.sweepLookMs * (0.5 + (io.random(1)[0] ?? 128) / 256)
  }

  async #look(): Promise<readonly PodLife[]> {
    const { io } = this.#ports
    // Without a lease we may be the one that is thought dead, without the log nothing can be told
    if (!io.isReady()) {
      this.#since = new Map()
      return []
    }
    const rolls = await io.presence.rolls(limits.sweptRolls)
    const running = await io.presence.readSlots([...new Set(rolls.map(({ slot }) => slot))])
    const { since, dead } = watchLives(this.#since, { rolls, running, nowMs: io.monotonic() })
    for (const life of rolls) {
      if (since.has(keyOf(life)) && !this.#since.has(keyOf(life))) io.logger.info({ what: 'pod-died', ...life })
    }
    this.#since = since
    this.#told = new Set([...this.#told].filter((key) => since.has(key)))
    return dead
  }

  /** Returns whether the page was full, so that more is to be done at once. */
  async #sweep(dead: readonly PodLife[]): Promise<boolean> {
    const { io, meters } = this.#ports
    // Several sweepers begin at several rolls
    const first = (io.random(1)[0] ?? 0) % dead.length
    let left: number = limits.sweepPage
    for (const life of [...dead.slice(first), ...dead.slice(0, first)]) {
      if (!(await this.#tell(life))) continue
      const lines = await io.presence.readRoll(life, left)
      const swept = await this.#drop(life, lines)
      await io.presence.delist(life, swept)
      if (swept.length === lines.length && lines.length < left) {
        await io.presence.endRoll(life)
        meters.sweptRolls.add()
        io.logger.info({ what: 'pod-swept', ...life })
      }
      left -= Math.max(1, lines.length)
      if (left <= 0) return true
    }
    return false
  }

  /** Tells routing that a life is over, once; says whether the log holds it. */
  async #tell(life: PodLife): Promise<boolean> {
    const { io, meters } = this.#ports
    if (this.#told.has(keyOf(life))) return true
    // R11: presence may have forgotten a lease that runs, which its holder takes again: not after this
    if (!(await io.presence.buryLife(life, limits.burialMs))) return false
    try {
      await io.publish('routing', { kind: 'podDied', key: '', slot: life.slot, epoch: life.epoch, atMs: io.clock() })
      this.#told = new Set([...this.#told, keyOf(life)])
      return true
    } catch (error) {
      meters.sweepFaults.add()
      io.logger.debug({ what: 'death-not-told', error })
      return false
    }
  }

  /** Writes a drop for each line of a roll; returns the lines that need none any more. */
  async #drop(life: PodLife, lines: readonly string[]): Promise<readonly string[]> {
    const { io, meters } = this.#ports
    const done = await Promise.all(
      lines.map(async (line) => {
        const entry = readEntry(line)
        if (entry === undefined) {
          io.logger.error({ what: 'roll-unreadable', ...life })
          return true
        }
        const { account, connection } = entry
        const drop = {
          kind: 'drop',
          key: account,
          target: { slot: life.slot, epoch: life.epoch, connection },
          head: { reason: 'pod-died' },
          atMs: io.clock(),
        } as const
        return io.publish('session', drop).then(
          () => true,
          () => false,
        )
      }),
    )
    const swept = lines.filter((_, index) => done[index])
    meters.sweptSessions.add(swept.length)
    if (swept.length < lines.length) meters.sweepFaults.add()
    return swept
  }
}

/** Sweeps round after round; returns what ends it. */
export function keepSweeping(sweeper: Sweeper, later: Later): () => void {
  let isOver = false
  let cancel = (): void => {}
  const next = async (): Promise<void> => {
    const delayMs = await sweeper.round()
    if (!isOver) cancel = later(delayMs, () => void next())
  }
  cancel = later(limits.sweepLookMs, () => void next())
  return () => {
    isOver = true
    cancel()
  }
}

function keyOf({ slot, epoch }: PodLife): string {
  return `${slot} ${epoch}`
}
