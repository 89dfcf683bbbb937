import type { Metrics } from '@starling/core'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Metrics of one process, and their text for Prometheus. */
export interface ProcessMetrics extends Metrics {
  readonly contentType: string
  readonly text: () => Promise<string>
}

/** Metrics on a registry of their own; a name that is declared twice is the same metric. */
export function createMetrics(): ProcessMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const once = <T>(name: string, make: () => T): T => {
    const found = registry.getSingleMetric(name)
    return found === undefined ? make() : (found as unknown as T)
  }
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    counter: (name, help, labelNames = []) => {
      const counter = once(name, () => new Counter({ name, help, labelNames: [...labelNames], registers: [registry] }))
      return { add: (by = 1, labels = {}) => counter.inc(labels, by) }
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
