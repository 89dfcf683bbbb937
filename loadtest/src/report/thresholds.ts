import { readDuration } from '../scenario/quantities.ts'

/** A threshold held against a run's figures. */
export interface Verdict {
  readonly text: string
  readonly ok: boolean
  /** What was found; undefined when the run has no such figure, which fails it. */
  readonly actual: number | undefined
}

interface Threshold {
  readonly figure: string
  readonly comparison: Comparison
  readonly limit: number
}

type Comparison = '<' | '<=' | '>' | '>=' | '==' | '!='

/** Whether a text is a threshold. Shape: `FIGURE COMPARISON NUMBER[UNIT]`, as `p99 < 200ms`, `lost == 0`, `errorShare < 1%`. */
export function isThreshold(text: string): boolean {
  return readThreshold(text) !== undefined
}

/** Holds every threshold against the figures; a figure without a measure's name is one of `message`. */
export function judge(
  texts: readonly string[],
  figures: Readonly<Record<string, number | undefined>>,
): readonly Verdict[] {
  return texts.map((text) => {
    const threshold = readThreshold(text)
    if (threshold === undefined) return { text, ok: false, actual: undefined }
    const { figure, comparison, limit } = threshold
    const actual = figures[figure] ?? figures[`message.${figure}`]
    return { text, actual, ok: actual !== undefined && holds(actual, comparison, limit) }
  })
}

function readThreshold(text: string): Threshold | undefined {
  const match = /^\s*([A-Za-z][\w.]*)\s*(<=|>=|==|!=|<|>)\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|%)?\s*$/.exec(text)
  if (match === null) return undefined
  const [, figure = '', comparison = '', amount = '', unit] = match
  const limit = limitOf(Number(amount), unit, amount)
  return { figure: figure.replace(/p99\.9$/, 'p999'), comparison: comparison as Comparison, limit }
}

/** Units: ms, shares of one. */
function limitOf(amount: number, unit: string | undefined, text: string): number {
  if (unit === undefined) return amount
  return unit === '%' ? amount / 100 : (readDuration(text + unit) ?? amount)
}

function holds(actual: number, comparison: Comparison, limit: number): boolean {
  switch (comparison) {
    case '<':
      return actual < limit
    case '<=':
      return actual <= limit
    case '>':
      return actual > limit
    case '>=':
      return actual >= limit
    case '==':
      return actual === limit
    case '!=':
      return actual !== limit
    default:
      return comparison satisfies never
  }
}
