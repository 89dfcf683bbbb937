import type { Logger } from '@starling/core'

/** What adapters call with their events. */
export type Teller = (what: string, detail: Readonly<Record<string, unknown>>) => void

/** An event that comes again and again is logged once in that time, with the number of those left out. Units: ms. */
export const repeatMs = 10_000

const good = /\.(up|found|migrated|partitionMade|partitionDropped|assigned)$/

/**
 * Turns what adapters tell into log events.
 * Order: what went wrong again after it was up again is news.
 */
export function createTeller(logger: Logger, monotonic: () => number): Teller {
  const seen = new Map<string, { readonly atMs: number; left: number }>() // as many as adapters have names of events
  return (what, detail) => {
    if (good.test(what)) {
      const part = what.slice(0, what.lastIndexOf('.') + 1)
      for (const other of seen.keys()) if (other.startsWith(part)) seen.delete(other)
      logger.info({ ...detail, what })
      return
    }
    const last = seen.get(what)
    const atMs = monotonic()
    if (last !== undefined && atMs - last.atMs < repeatMs) {
      last.left += 1
      return
    }
    seen.set(what, { atMs, left: 0 })
    logger.warn({ ...detail, what, ...(last === undefined || last.left === 0 ? {} : { leftOut: last.left }) })
  }
}
