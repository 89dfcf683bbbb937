import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerCost } from '../report/result.ts'
import type { Recorder } from './recorder.ts'
import { type Usage, usageOfMetrics, usageOfProcesses } from './server-usage.ts'
import type { Target } from './target.ts'

const settleStepMs = 300
const maxSettleSteps = 40
const settledShare = 0.1

/** What the server has used so far, by pids and by /metrics. */
export async function usageOf({ processes, metricsUrls }: Target): Promise<readonly Usage[]> {
  return [...usageOfProcesses(processes), ...(metricsUrls.length === 0 ? [] : await usageOfMetrics(metricsUrls))]
}

/** Waits until the server has done what it put off, 12 s at most. */
export async function settle(target: Target): Promise<void> {
  const total = async (): Promise<number> =>
    (await usageOf(target)).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
  if (target.processes.length === 0 && target.metricsUrls.length === 0) return
  let before = await total()
  for (let step = 0; step < maxSettleSteps; step++) {
    await sleep(settleStepMs)
    const now = await total()
    if (((now - before) * 1_000) / settleStepMs < settledShare) return
    before = now
  }
}

/** What the measured part cost. Units: messages delivered in it. */
export function costOf(options: {
  /** When nobody was on yet. */
  readonly start: readonly Usage[]
  readonly before: readonly Usage[]
  readonly after: readonly Usage[]
  readonly messages: number
  readonly recorder: Recorder
}): ServerCost | undefined {
  const { start, before, after, messages, recorder } = options
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
    memoryGrownMb: sum(after) - sum(before),
    cpuPerMillion: messages === 0 ? undefined : (cpuSeconds / messages) * 1e6,
  }
}
