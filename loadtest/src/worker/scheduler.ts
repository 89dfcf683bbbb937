import type { Arrivals } from '../measure/arrivals.ts'

/** Does things when they are due, and knows how late it was. */
export interface Scheduler {
  /** Calls `fire` with the intended time of each arrival until cancelled. Units: ms. */
  readonly follow: (arrivals: Arrivals, fire: (intendedAt: number) => void) => () => void
  /** Once, later. Units: ms. */
  readonly after: (delayMs: number, then: (intendedAt: number) => void) => void
  /** Worst lateness since the last call. Units: ms. */
  readonly takeLag: () => number
  readonly stop: () => void
}

interface Stream {
  readonly arrivals: Arrivals
  readonly fire: (intendedAt: number) => void
}

const longestSleepMs = 20

/** What one turn may do before the sockets get theirs. Units: events. */
const maxPerTurn = 500

/** Starts one. Errors: what `fire` throws goes to `onFault`, once. */
export function startScheduler(now: () => number, onFault: (error: unknown) => void): Scheduler {
  const streams = new Set<Stream>()
  const timers = new Set<NodeJS.Timeout>()
  let lag = 0
  let timer: NodeJS.Timeout | undefined
  const turn = (): void => {
    let soonest = Number.POSITIVE_INFINITY
    try {
      for (const stream of streams) {
        let left = maxPerTurn
        for (let at = now(); left > 0 && stream.arrivals.next() <= at; left--) {
          const intendedAt = stream.arrivals.take()
          lag = Math.max(lag, at - intendedAt)
          stream.fire(intendedAt)
          if (left % 32 === 0) at = now()
        }
        soonest = Math.min(soonest, stream.arrivals.next())
      }
    } catch (error) {
      onFault(error)
      return
    }
    timer = setTimeout(turn, Math.max(1, Math.min(longestSleepMs, soonest - now())))
  }
  turn()
  return {
    follow: (arrivals, fire) => {
      const stream = { arrivals, fire }
      streams.add(stream)
      return () => void streams.delete(stream)
    },
    after: (delayMs, then) => {
      const due = now() + delayMs
      const one = setTimeout(() => {
        timers.delete(one)
        then(due)
      }, delayMs)
      timers.add(one)
    },
    takeLag: () => {
      const worst = lag
      lag = 0
      return worst
    },
    stop: () => {
      clearTimeout(timer)
      for (const one of timers) clearTimeout(one)
      streams.clear()
    },
  }
}
