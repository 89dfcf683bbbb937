import type { Fleet } from './fleet.ts'
import type { Metrics } from './metrics.ts'
import { progressLine } from './progress.ts'
import { type Recorder, sumCounts, sumOf } from './recorder.ts'
import { usageOf } from './server-cost.ts'
import type { Target } from './target.ts'

/** What is followed, and who is told. */
export interface WatchOptions {
  readonly users: number
  readonly recorder: Recorder
  readonly fleet: Fleet
  readonly ports: {
    readonly target: Target
    readonly metrics: Metrics | undefined
    readonly show: (line: string) => void
  }
}

/** Follows a run second by second. */
export interface Watch {
  readonly during: (phase: string, lengthMs: number | undefined, work: () => Promise<unknown>) => Promise<void>
  /** The measured part begins. */
  readonly zero: () => void
  /** What all workers have counted, not older than now. */
  readonly fresh: () => Promise<Snapshot>
  readonly stop: () => void
}

/** What all workers have counted so far. */
export interface Snapshot {
  /** Units: ms. */
  readonly at: number
  readonly online: number
  readonly sent: number
  readonly received: number
  readonly counts: Readonly<Record<string, number>>
  readonly failures: Readonly<Record<string, number>>
}

/** Closes a second every second, and tells it. */
export function startWatch(options: WatchOptions): Watch {
  const { users, recorder, fleet, ports } = options
  let zero = performance.now()
  let phase = ''
  let endsAt: number | undefined
  let isBusy = false
  const tick = async (): Promise<void> => {
    if (isBusy) return
    isBusy = true
    const server = await usageOf(ports.target)
    const latest = fleet.latest()
    const moment = recorder.close((performance.now() - zero) / 1_000, latest, server)
    const { open, failures } = sumOf(latest)
    const left = endsAt === undefined ? undefined : (endsAt - performance.now()) / 1_000
    const state = { phase, left, users, open, failures }
    ports.show(progressLine(moment, state))
    ports.metrics?.update(moment, state)
    isBusy = false
  }
  const timer = setInterval(() => void tick(), 1_000)
  return {
    during: async (name, lengthMs, work) => {
      phase = name
      endsAt = lengthMs === undefined ? undefined : performance.now() + lengthMs
      await work()
    },
    zero: () => {
      const now = performance.now()
      recorder.rebase((now - zero) / 1_000)
      zero = now
    },
    fresh: async () => {
      await fleet.nextSecond()
      const latest = fleet.latest()
      return {
        at: performance.now(),
        ...sumOf(latest),
        counts: sumCounts(
          latest.map(({ counts }) => counts),
          true,
        ),
        failures: sumCounts(
          latest.map(({ failures }) => failures),
          false,
        ),
      }
    },
    stop: () => clearInterval(timer),
  }
}
