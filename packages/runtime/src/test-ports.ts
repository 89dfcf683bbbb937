import { memoryLog } from '@starling/adapters/memory'
import type { Log, LogEvent, Logger, Metrics } from '@starling/core'
import { inboxes, inboxNames } from '@starling/wire'

/** A log in memory with few partitions, for the tests of this package. */
export function testLog(): Log {
  const partitions = Object.fromEntries(inboxNames.map((name) => [inboxes[name].topic, name === 'pod' ? 3 : 2]))
  return memoryLog({ partitions, clock: () => 0, retryMs: 1 })
}

/** A logger that keeps what it is told. */
export function testLogger(): Logger & { readonly events: readonly LogEvent[] } {
  const events: LogEvent[] = []
  const keep = (event: LogEvent): void => void events.push(event)
  return { events, debug: keep, info: keep, warn: keep, error: keep }
}

/** Metrics that add up counters, by name and labels. */
export function testMetrics(): Metrics & { readonly counts: ReadonlyMap<string, number> } {
  const counts = new Map<string, number>()
  return {
    counts,
    counter: (name) => ({
      add: (by = 1) => void counts.set(name, (counts.get(name) ?? 0) + by),
    }),
    gauge: () => ({ set: () => {} }),
    observed: () => {},
    histogram: () => ({ observe: () => {} }),
  }
}

/** Waits until something is so. Errors: rejects after five seconds with what was waited for. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const end = performance.now() + 5_000
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
