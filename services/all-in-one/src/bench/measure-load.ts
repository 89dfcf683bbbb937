import type { Load, LoadResult } from './load.ts'
import { cpuSeconds, settle } from './process-cost.ts'

/** One figure of a benchmark. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

/** What is measured, and the server's processes by what they are. */
export interface Measured {
  readonly name: string
  readonly load: Load
  readonly groups: Readonly<Record<string, readonly number[]>>
  readonly payload: string
  /** Share of a core the processes use when nothing is sent. */
  readonly idleShare?: number
}

const perSecond = 500
const rateMs = 10_000
const fullMs = 10_000
const inFlight = 16

/** The same messages at 500 a second and as many as go: cost, rate, latency, and what was lost. */
export async function measureLoad(measured: Measured): Promise<readonly Figure[]> {
  const { name, load, payload } = measured
  const slow = await costOf(measured, () => load.atRate({ durationMs: rateMs, payload, perSecond }))
  const full = await costOf(measured, () => load.atFull({ durationMs: fullMs, payload, inFlight }))
  return [...figuresOf(`${name}, ${perSecond}/s`, slow), ...figuresOf(`${name}, full load`, full)]
}

interface Cost {
  readonly result: LoadResult
  /** Units: CPU seconds by group. */
  readonly spent: readonly (readonly [string, number])[]
}

async function costOf({ groups, idleShare }: Measured, run: () => Promise<LoadResult>): Promise<Cost> {
  const read = (): readonly number[] => Object.values(groups).map(cpuSeconds)
  const before = read()
  const result = await run()
  // What storage still has to write is part of the price.
  await settle(Object.values(groups).flat(), idleShare)
  const after = read()
  return { result, spent: Object.keys(groups).map((group, i) => [group, (after[i] ?? 0) - (before[i] ?? 0)]) }
}

function figuresOf(name: string, { result, spent }: Cost): readonly Figure[] {
  const { sent, lost, duplicated, reordered } = result
  const total = spent.reduce((sum, [, seconds]) => sum + seconds, 0)
  const cpu = (what: string, seconds: number): Figure => ({
    name: `${name}: ${what}`,
    value: (seconds / (sent - lost)) * 1e6,
    unit: 's/1M messages',
  })
  return [
    cpu('CPU', total),
    ...(spent.length > 1 ? spent.map(([group, seconds]) => cpu(`CPU of ${group}`, seconds)) : []),
    { name: `${name}: rate`, value: result.perSecond, unit: 'messages/s' },
    { name: `${name}: latency p50`, value: result.p50Ms, unit: 'ms' },
    { name: `${name}: latency p99`, value: result.p99Ms, unit: 'ms' },
    { name: `${name}: messages sent`, value: sent, unit: '' },
    { name: `${name}: lost, duplicated, reordered`, value: lost + duplicated + reordered, unit: '' },
  ]
}
