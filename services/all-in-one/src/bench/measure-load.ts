import type { Load, LoadResult } from './load.ts'
import { cpuSecondsOf, settle } from './process-cost.ts'

/** One figure of a benchmark. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

/** What is measured, and the server's processes. */
export interface Measured {
  readonly name: string
  readonly load: Load
  readonly pids: readonly number[]
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

type Cost = { readonly result: LoadResult; readonly cpuSeconds: number }

async function costOf({ pids, idleShare }: Measured, run: () => Promise<LoadResult>): Promise<Cost> {
  const before = cpuSecondsOf(pids)
  const result = await run()
  // What storage still has to write is part of the price.
  await settle(pids, idleShare)
  return { result, cpuSeconds: cpuSecondsOf(pids) - before }
}

function figuresOf(name: string, { result, cpuSeconds }: Cost): readonly Figure[] {
  const { sent, lost, duplicated, reordered } = result
  return [
    { name: `${name}: CPU`, value: (cpuSeconds / (sent - lost)) * 1e6, unit: 's/1M messages' },
    { name: `${name}: rate`, value: result.perSecond, unit: 'messages/s' },
    { name: `${name}: latency p50`, value: result.p50Ms, unit: 'ms' },
    { name: `${name}: latency p99`, value: result.p99Ms, unit: 'ms' },
    { name: `${name}: lost, duplicated, reordered`, value: lost + duplicated + reordered, unit: `of ${sent} messages` },
  ]
}
