import type { Measure, Summary } from '../measure/histograms.ts'
import type { Reconciled } from '../measure/ledger.ts'
import type { Saturation } from '../measure/saturation.ts'
import type { Scenario } from '../scenario/scenario.ts'
import type { Counts } from '../worker/messages.ts'
import { costsOf } from './costs.ts'
import type { Verdict } from './thresholds.ts'

/** One second of a run, over all workers. Units: ms, events in this second; CPU as share of a core; MB. */
export interface Moment {
  /** Seconds since the measured part began; negative before. */
  readonly at: number
  readonly online: number
  readonly sent: number
  readonly received: number
  readonly failures: number
  readonly p50: number | undefined
  readonly p99: number | undefined
  readonly max: number | undefined
  readonly generatorCpu: number
  readonly server: readonly { readonly name: string; readonly cpu: number; readonly memoryMb: number }[]
}

/** What the server used in the measured part, its end waited for. Units: CPU seconds; MB. */
export interface ServerCost {
  readonly cpuSeconds: number
  /** CPU seconds for a million of messages delivered; undefined when there were none. */
  readonly cpuPerMillion: number | undefined
  /** The most that was seen, all processes together. */
  readonly memoryMb: number
  /** Before anybody signed in. */
  readonly memoryAtStartMb: number
  /** CPU before anybody signed in. Units: percent of a core. */
  readonly idlePercent: number
  /** From the begin of the measured part until the server is idle again. */
  readonly memoryGrownMb: number
  readonly parts: readonly { readonly name: string; readonly cpuSeconds: number; readonly memoryMb: number }[]
}

/** Everything a run found: what the JSON report holds. */
export interface RunResult {
  readonly name: string
  readonly target: string
  readonly startedAt: string
  readonly scenario: Scenario
  readonly workers: number
  readonly users: number
  readonly online: number
  readonly machine: { readonly cores: number; readonly model: string; readonly node: string; readonly load: number }
  readonly notes: readonly string[]
  readonly reconciled: Reconciled
  readonly measures: Readonly<Partial<Record<Measure, Summary>>>
  /** Of the measured part. */
  readonly counts: Counts
  readonly failures: Counts
  /** Units: messages a second, of the measured part. */
  readonly sentPerSecond: number
  readonly receivedPerSecond: number
  readonly server: ServerCost | undefined
  readonly saturation: Saturation
  readonly thresholds: readonly Verdict[]
  readonly verdict: 'passed' | 'failed' | 'invalid'
  readonly moments: readonly Moment[]
}

/** Every figure a threshold may name. */
export function figuresOf(
  result: Omit<RunResult, 'thresholds' | 'verdict' | 'moments'>,
): Readonly<Record<string, number | undefined>> {
  const measured = Object.entries(result.measures).flatMap(([name, { curve, ...figures }]) =>
    Object.entries(figures).map(([figure, value]) => [`${name}.${figure}`, value] as const),
  )
  const failures = Object.values(result.failures).reduce((sum, count) => sum + count, 0)
  const { sent } = result.reconciled
  return {
    ...Object.fromEntries(measured),
    ...result.counts,
    ...result.reconciled,
    online: result.online,
    users: result.users,
    failures,
    errorShare: sent === 0 ? 0 : (result.reconciled.lost + result.reconciled.bounced) / sent,
    sentPerSecond: result.sentPerSecond,
    receivedPerSecond: result.receivedPerSecond,
    serverCpuSeconds: result.server?.cpuSeconds,
    serverCpuPerMillion: result.server?.cpuPerMillion,
    serverMemoryMb: result.server?.memoryMb,
    serverIdlePercent: result.server?.idlePercent,
    ...costsOf(result),
  }
}

/** Exit codes of a run. */
export const exitCodes = { passed: 0, failed: 1, usage: 2, invalid: 3, broken: 4 } as const
