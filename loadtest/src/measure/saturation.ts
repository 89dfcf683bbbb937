/** How a generator process did in one second. Units: ms; share of one core. */
export interface Health {
  /** Worst time by which something was done after it was due. */
  readonly lagMs: number
  /** Event-loop delay, 99th percentile. */
  readonly loopDelayMs: number
  readonly cpuShare: number
}

/** Whether the generator was the limit. */
export interface Saturation {
  readonly isSaturated: boolean
  readonly reasons: readonly string[]
  /** Seconds past a limit, of all that were measured. Units: seconds. */
  readonly badSeconds: number
  readonly seconds: number
}

/** What a process may reach; past that, it measures itself. */
export const healthLimits: Health = { lagMs: 100, loopDelayMs: 50, cpuShare: 0.9 }

/** Share of the seconds that may be past a limit, one at least: a pause of a shared machine is not saturation. */
export const toleratedShare = 0.1

/** Judges a run by its seconds. */
export function judgeSaturation(seconds: readonly Health[]): Saturation {
  const past = (name: keyof Health): number => seconds.filter((second) => second[name] > healthLimits[name]).length
  const bad = seconds.filter(isPast).length
  const allowed = Math.max(1, seconds.length * toleratedShare)
  const isSaturated = bad > allowed
  const worst = (name: keyof Health): number => Math.max(0, ...seconds.map((second) => second[name]))
  const reasons = !isSaturated
    ? []
    : [
        ...(past('cpuShare') > 0
          ? [
              `a generator process used more than ${healthLimits.cpuShare * 100} % of a core in ${past('cpuShare')} of ${seconds.length} seconds: use more workers (--workers)`,
            ]
          : []),
        ...(past('lagMs') > 0
          ? [
              `events were sent up to ${worst('lagMs').toFixed(0)} ms after they were due (${past('lagMs')} of ${seconds.length} seconds past ${healthLimits.lagMs} ms)`,
            ]
          : []),
        ...(past('loopDelayMs') > 0
          ? [
              `the generator's event loop stood still up to ${worst('loopDelayMs').toFixed(0)} ms (${past('loopDelayMs')} of ${seconds.length} seconds past ${healthLimits.loopDelayMs} ms): it needs a core of its own`,
            ]
          : []),
      ]
  return { isSaturated, reasons, badSeconds: bad, seconds: seconds.length }
}

function isPast(second: Health): boolean {
  return (
    second.lagMs > healthLimits.lagMs ||
    second.loopDelayMs > healthLimits.loopDelayMs ||
    second.cpuShare > healthLimits.cpuShare
  )
}
