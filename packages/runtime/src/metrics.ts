import type { Labels, Metrics } from '@starling/core'
import { Counter, collectDefaultMetrics, Gauge, type Histogram, Registry } from 'prom-client'

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

/** What was observed since the start under some labels: how often in each bucket, all the rest in the last. */
interface Spread {
  readonly labels: Labels
  readonly counts: number[]
  sum: number
}

function observe(
  spreads: Map<string, Spread>,
  value: number,
  {
    labels,
    names,
    buckets,
  }: { readonly labels: Labels; readonly names: readonly string[]; readonly buckets: readonly number[] },
): void {
  let key = ''
  for (const name of names) key += `${labels[name]}\n`
  let spread = spreads.get(key)
  if (spread === undefined) {
    spread = { labels, counts: new Array<number>(buckets.length + 1).fill(0), sum: 0 }
    spreads.set(key, spread)
  }
  let at = 0
  while (at < buckets.length && value > (buckets[at] ?? 0)) at++
  spread.counts[at] = (spread.counts[at] ?? 0) + 1
  spread.sum += value
}

/**
 * A histogram whose values are counted here, in the shape in which the library's registry asks for it: observing is for every record, and
 * the library's own costs ten times a sum. Source: the text format's histogram: cumulative buckets, sum, count.
 */
function summedHistogram(
  { name, help, buckets }: { readonly name: string; readonly help: string; readonly buckets: readonly number[] },
  spreads: ReadonlyMap<string, Spread>,
): Histogram {
  const get = async () => {
    const values = [...spreads.values()].flatMap(({ labels, counts, sum }) => {
      let count = 0
      const bucket = (le: number | string, at: number) => {
        count += counts[at] ?? 0
        return { labels: { le, ...labels }, value: count, metricName: `${name}_bucket` }
      }
      const all = [...buckets.map(bucket), bucket('+Inf', buckets.length)]
      return [
        ...all,
        { labels, value: sum, metricName: `${name}_sum` },
        { labels, value: count, metricName: `${name}_count` },
      ]
    })
    return { name, help, type: 'histogram', values, aggregator: 'sum' }
  }
  return { name, help, get } as unknown as Histogram
}

/** Metrics on a registry of their own; a name that is declared twice is the same metric. */
export function createMetrics(): ProcessMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const sums = new Map<string, Map<string, Sum>>()
  const spreads = new Map<string, Map<string, Spread>>()
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
      const found = spreads.get(name) ?? new Map<string, Spread>()
      if (!spreads.has(name)) {
        spreads.set(name, found)
        registry.registerMetric(summedHistogram({ name, help, buckets }, found))
      }
      return { observe: (value, labels = {}) => observe(found, value, { labels, names: labelNames, buckets }) }
    },
  }
}
