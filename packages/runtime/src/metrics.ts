import type { Labels, Metrics } from '@starling/core'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Metrics of one process, and their text for Prometheus. */
export interface ProcessMetrics extends Metrics {
  readonly contentType: string
  readonly text: () => Promise<string>
}

/** What was added to a counter since the last scrape: the library's own adding costs ten times a sum, and envelopes are many. */
interface Sum {
  readonly labels: Labels
  since: number
}

function addTo(sums: Map<string, Sum>, by: number, labels: Labels, names: readonly string[]): void {
  let key = ''
  for (const name of names) key += `${labels[name]}\n`
  const sum = sums.get(key)
  if (sum === undefined) sums.set(key, { labels, since: by })
  else sum.since += by
}

/** Metrics on a registry of their own; a name that is declared twice is the same metric. */
export function createMetrics(): ProcessMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const sums = new Map<string, Map<string, Sum>>()
  const once = <T>(name: string, make: () => T): T => {
    const found = registry.getSingleMetric(name)
    return found === undefined ? make() : (found as unknown as T)
  }
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    counter: (name, help, labelNames = []) => {
      const found = sums.get(name) ?? new Map<string, Sum>()
      if (!sums.has(name)) {
        sums.set(name, found)
        new Counter({
          name,
          help,
          labelNames: [...labelNames],
          registers: [registry],
          collect() {
            for (const sum of found.values()) {
              this.inc(sum.labels, sum.since)
              sum.since = 0
            }
          },
        })
      }
      return { add: (by = 1, labels = {}) => addTo(found, by, labels, labelNames) }
    },
    gauge: (name, help, labelNames = []) => {
      const gauge = once(name, () => new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] }))
      return { set: (value, labels = {}) => gauge.set(labels, value) }
    },
    observed: (name, help, read) => {
      once(
        name,
        () =>
          new Gauge({
            name,
            help,
            registers: [registry],
            collect() {
              this.set(read())
            },
          }),
      )
    },
    histogram: (name, help, buckets, labelNames = []) => {
      const histogram = once(
        name,
        () => new Histogram({ name, help, buckets: [...buckets], labelNames: [...labelNames], registers: [registry] }),
      )
      return { observe: (value, labels = {}) => histogram.observe(labels, value) }
    },
  }
}
