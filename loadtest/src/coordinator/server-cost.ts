import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerCost } from '../report/result.ts'
import type { Recorder } from './recorder.ts'
import { type Usage, usageOfMetrics, usageOfProcesses } from './server-usage.ts'
import type { Target } from './target.ts'

const settleStepMs = 300
const maxSettleSteps = 40
const settledShare = 0.1
const looks = 3

/** What the server has used so far, by pids and by /metrics. */
export async function usageOf({ processes, metricsUrls }: Target): Promise<readonly Usage[]> {
  return [...usageOfProcesses(processes), ...(metricsUrls.length === 0 ? [] : await usageOfMetrics(metricsUrls))]
}

/**
 * What the server needs with nobody on: the least of three looks, as it may still do what it put off. Units: share of a core.
 * Shape: 0 where its usage is not known.
 */
export async function idleShare(target: Target): Promise<number> {
  if (!isMeasured(target)) return 0
  let least = Number.POSITIVE_INFINITY
  for (let look = 0; look < looks; look++) least = Math.min(least, await shareOfStep(target))
  return least
}

/** Waits until the server has done what it put off and needs hardly more than `idle`, 12 s at most. */
export async function settle(target: Target, idle: number): Promise<void> {
  if (isMeasured(target)) await settled(() => shareOfStep(target), idle)
}

/** Looks until a look, which takes a step's time, finds hardly more than `idle`; at most 40 times. */
export async function settled(look: () => Promise<number>, idle: number): Promise<void> {
  for (let step = 0; step < maxSettleSteps; step++) if ((await look()) < idle + settledShare) return
}

function isMeasured({ processes, metricsUrls }: Target): boolean {
  return processes.length > 0 || metricsUrls.length > 0
}

async function shareOfStep(target: Target): Promise<number> {
  const total = async (): Promise<number> =>
    (await usageOf(target)).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
  const from = performance.now()
  const before = await total()
  await sleep(settleStepMs)
  const used = (await total()) - before
  return (used * 1_000) / (performance.now() - from)
}

/** What the measured part cost. Units: messages delivered in it. */
export function costOf(options: {
  /** When nobody was on yet. */
  readonly start: readonly Usage[]
  /** Units: share of a core. */
  readonly idle: number
  readonly before: readonly Usage[]
  readonly after: readonly Usage[]
  readonly messages: number
  readonly recorder: Recorder
}): ServerCost | undefined {
  const { start, idle, before, after, messages, recorder } = options
  if (after.length === 0) return undefined
  const was = new Map(before.map(({ name, cpuSeconds }) => [name, cpuSeconds]))
  const parts = after.map(({ name, cpuSeconds, memoryMb }) => ({
    name,
    memoryMb,
    cpuSeconds: cpuSeconds - (was.get(name) ?? 0),
  }))
  const cpuSeconds = parts.reduce((sum, part) => sum + part.cpuSeconds, 0)
  const sum = (usages: readonly Usage[]): number => usages.reduce((all, { memoryMb }) => all + memoryMb, 0)
  const memory = recorder.moments.map(({ server }) => server.reduce((sum, { memoryMb }) => sum + memoryMb, 0))
  return {
    cpuSeconds,
    parts,
    memoryMb: Math.max(0, ...memory),
    memoryAtStartMb: sum(start),
    idlePercent: idle * 100,
    memoryGrownMb: sum(after) - sum(before),
    cpuPerMillion: messages === 0 ? undefined : (cpuSeconds / messages) * 1e6,
  }
}
