import type { RunResult } from './result.ts'

/** What the server used for a piece of work, or keeps for a session. Undefined where the run had none of it. */
export interface Costs {
  /** Units: CPU seconds for 1,000,000 changes of presence that reached a contact. */
  readonly cpuPerMillionPresence: number | undefined
  /** Units: CPU seconds for 1,000 pages of archives. */
  readonly cpuPerThousandPages: number | undefined
  /** Units: CPU seconds for 1,000 sign-ins of a login storm. */
  readonly cpuPerThousandSignIns: number | undefined
  /** Units: KB for a session that a login storm added; of no meaning where its users leave. */
  readonly memoryPerSessionKb: number | undefined
}

/** Divides what the measured part cost by what happened in it: of use where a run does one thing. */
export function costsOf({ server, counts }: Pick<RunResult, 'server' | 'counts'>): Costs {
  const per = (amount: number | undefined, unit: number, count: number): number | undefined =>
    amount === undefined || count === 0 ? undefined : (amount / count) * unit
  const { presenceDelivered = 0, historyPages = 0, stormArrivals = 0 } = counts
  return {
    cpuPerMillionPresence: per(server?.cpuSeconds, 1_000_000, presenceDelivered),
    cpuPerThousandPages: per(server?.cpuSeconds, 1_000, historyPages),
    cpuPerThousandSignIns: per(server?.cpuSeconds, 1_000, stormArrivals),
    memoryPerSessionKb: per(server?.memoryGrownMb, 1_024, stormArrivals),
  }
}
