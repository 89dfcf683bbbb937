import type { LogRecord, Metrics } from '@starling/core'

/** Which hop: who reads which inbox. */
interface HopLabels {
  readonly stage: string
  readonly inbox: string
}

const buckets = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300]

/**
 * Makes the function that measures a hop: from the stamp its writer gave a record to its reader taking it up. Clocks of two machines are
 * compared, so it is as good as they agree; what would be negative counts as 0.
 */
export function createHop(metrics: Metrics): (labels: HopLabels, records: readonly LogRecord[]) => void {
  const seconds = metrics.histogram(
    'starling_hop_seconds',
    'Time from a record being given to the log to its reader beginning with it',
    buckets,
    ['stage', 'inbox'],
  )
  return ({ stage, inbox }, records) => {
    const now = Date.now()
    for (const { timestampMs } of records) {
      seconds.observe(Math.max(0, now - timestampMs) / 1000, { stage, inbox })
    }
  }
}
