import { costsOf } from '../report/costs.ts'
import type { RunResult } from '../report/result.ts'

/** A figure of two targets over several rounds. */
export interface Ratio {
  readonly figure: string
  readonly unit: string
  /** Median, least and greatest of the rounds; undefined when no round had the figure. */
  readonly a: Spread | undefined
  readonly b: Spread | undefined
  /** Median of b through median of a; undefined when either is missing or 0. */
  readonly ratio: number | undefined
}

/** What rounds had. */
export interface Spread {
  readonly median: number
  readonly least: number
  readonly greatest: number
}

type Figure = readonly [figure: string, unit: string, read: (result: RunResult) => number | undefined]

const figures: readonly Figure[] = [
  ['received', 'messages/s', ({ receivedPerSecond }) => receivedPerSecond],
  ['message p50', 'ms', ({ measures }) => measures.message?.p50],
  ['message p99', 'ms', ({ measures }) => measures.message?.p99],
  ['signIn p99', 'ms', ({ measures }) => measures.signIn?.p99],
  ['presence p99', 'ms', ({ measures }) => measures.presence?.p99],
  ['historyPage p50', 'ms', ({ measures }) => measures.historyPage?.p50],
  ['resume p99', 'ms', ({ measures }) => measures.resume?.p99],
  ['server CPU', 's', ({ server }) => server?.cpuSeconds],
  ['server CPU for 1M messages', 's', ({ server }) => server?.cpuPerMillion],
  ['server CPU for 1M presences delivered', 's', (result) => costsOf(result).cpuPerMillionPresence],
  ['server CPU for 1,000 pages', 's', (result) => costsOf(result).cpuPerThousandPages],
  ['server CPU for 1,000 sign-ins', 's', (result) => costsOf(result).cpuPerThousandSignIns],
  ['server memory for a session', 'KB', (result) => costsOf(result).memoryPerSessionKb],
  ['server memory', 'MB', ({ server }) => server?.memoryMb],
  ['lost', 'messages', ({ reconciled }) => reconciled.lost],
  ['duplicated', 'messages', ({ reconciled }) => reconciled.duplicated],
  ['reordered', 'messages', ({ reconciled }) => reconciled.reordered],
]

/** Holds the rounds of two targets against each other; figures that neither has are left out. */
export function ratios(a: readonly RunResult[], b: readonly RunResult[]): readonly Ratio[] {
  return figures.flatMap(([figure, unit, read]) => {
    const [ofA, ofB] = [spread(a.map(read)), spread(b.map(read))]
    if (ofA === undefined && ofB === undefined) return []
    const ratio = ofA === undefined || ofB === undefined || ofA.median === 0 ? undefined : ofB.median / ofA.median
    return [{ figure, unit, a: ofA, b: ofB, ratio: ratio === 0 ? undefined : ratio }]
  })
}

function spread(values: readonly (number | undefined)[]): Spread | undefined {
  const sorted = values
    .filter((value) => value !== undefined && Number.isFinite(value))
    .sort((x, y) => (x ?? 0) - (y ?? 0)) as number[]
  const [least] = sorted
  const greatest = sorted.at(-1)
  if (least === undefined || greatest === undefined) return undefined
  const middle = (sorted.length - 1) / 2
  const median = ((sorted[Math.floor(middle)] ?? least) + (sorted[Math.ceil(middle)] ?? least)) / 2
  return { median, least, greatest }
}
