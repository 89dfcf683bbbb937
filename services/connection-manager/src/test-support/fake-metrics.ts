import type { LogEvent, Metrics } from '@starling/core'

/** Counters as tests read them: `name{label values}` to sum. */
export interface FakeCounts {
  readonly metrics: Metrics
  readonly sums: Map<string, number>
  /** What histograms were told, by name. */
  readonly observed: Map<string, number[]>
  readonly errors: LogEvent[]
}

/** Makes metrics that only count. */
export function createCounts(): FakeCounts {
  const sums = new Map<string, number>()
  const observed = new Map<string, number[]>()
  return {
    sums,
    observed,
    errors: [],
    metrics: {
      counter: (name) => ({
        add: (by = 1, labels = {}) => {
          const values = Object.values(labels)
          const key = values.length === 0 ? name : `${name}{${values.join(',')}}`
          sums.set(key, (sums.get(key) ?? 0) + by)
        },
      }),
      gauge: () => ({ set: () => {} }),
      observed: () => {},
      histogram: (name) => {
        const values: number[] = []
        observed.set(name, values)
        return { observe: (value) => void values.push(value) }
      },
    },
  }
}
