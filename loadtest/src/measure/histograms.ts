import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js'

/** What is measured, and what it means. Units: ms. */
export const measures = {
  message: 'a message, from its intended time to its recipient, who was on',
  caughtUp: 'a message whose recipient was away when it was meant to be sent',
  signIn: 'a sign-in, from its intended time to the presence coming back',
  resume: 'a resumption, from its intended time to <resumed/>',
  presence: 'a change of presence, from its intended time to a contact',
  historyPage: 'a page of the archive, from the question to its end',
  catchUp: 'coming back: signing in and reading all that was missed',
} as const

/** A measure's name. */
export type Measure = keyof typeof measures

/** Histograms of one interval or of a whole run. Units: ms. */
export class Histograms {
  readonly #byName = new Map<Measure, Histogram>()

  record(name: Measure, ms: number): void {
    let histogram = this.#byName.get(name)
    if (histogram === undefined) {
      histogram = empty()
      this.#byName.set(name, histogram)
    }
    histogram.recordValue(Math.max(1, Math.round(ms * 1_000)))
  }

  /** Hands out all of it as text, and begins again. */
  take(): Readonly<Record<string, string>> {
    const out: Record<string, string> = {}
    for (const [name, histogram] of this.#byName) {
      if (histogram.totalCount === 0) continue
      out[name] = encodeIntoCompressedBase64(histogram)
      histogram.reset()
    }
    return out
  }

  /** Adds what another one handed out. */
  add(encoded: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(encoded)) {
      const measure = name as Measure
      const histogram = this.#byName.get(measure) ?? empty()
      this.#byName.set(measure, histogram)
      histogram.add(decodeFromCompressedBase64(text, 32))
    }
  }

  summaries(): Readonly<Partial<Record<Measure, Summary>>> {
    return Object.fromEntries([...this.#byName].map(([name, histogram]) => [name, summarize(histogram)]))
  }
}

/** A distribution in figures. Units: ms. */
export interface Summary {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
  /** Latency at rising shares, for the plot of the distribution. Shape: [percentile, ms]. */
  readonly curve: readonly (readonly [number, number])[]
}

const shares = [0, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.75, 99.9, 99.95, 99.99, 99.999, 100] as const

function summarize(histogram: Histogram): Summary {
  const at = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1_000
  return {
    count: histogram.totalCount,
    mean: histogram.mean / 1_000,
    p50: at(50),
    p90: at(90),
    p99: at(99),
    p999: at(99.9),
    max: histogram.maxValue / 1_000,
    curve: shares.map((share) => [share, at(share)] as const),
  }
}

/** Counts in microseconds, three digits exact. */
function empty(): Histogram {
  return build({ bitBucketSize: 32, autoResize: true, numberOfSignificantValueDigits: 3, useWebAssembly: false })
}
