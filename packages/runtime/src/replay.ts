import type { Log, LogRecord } from '@starling/core'

/** A stretch of a partition: `from` and what follows, without `to`. */
export interface Stretch {
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly to: number
}

/** What became of a stretch. Units: records. */
export interface Replayed {
  readonly records: number
  /** Offsets before the first record that the log still holds. */
  readonly missing: number
}

/**
 * Reads a stretch of the log again, beside its group, and works it in order; the log holds something at or after `to`.
 * Errors: rejects with what `work` rejected with; what was worked until then stays worked.
 */
export async function replay(
  log: Log,
  { topic, partition, from, to }: Stretch,
  work: (records: readonly LogRecord[]) => Promise<void>,
): Promise<Replayed> {
  let records = 0
  let missing: number | undefined
  let finish: (error?: unknown) => void = () => {}
  const over = new Promise<void>((resolve, reject) => {
    finish = (error) => (error === undefined ? resolve() : reject(error))
  })
  let isOver = false
  const reader = await log.read(topic, partition, {
    from,
    handle: async (batch) => {
      if (isOver) return
      missing ??= Math.max(0, Math.min(to, batch.records[0]?.offset ?? to) - from)
      const wanted = batch.records.filter(({ offset }) => offset >= from && offset < to)
      try {
        if (wanted.length > 0) await work(wanted)
        records += wanted.length
        if ((batch.records.at(-1)?.offset ?? -1) < to - 1) return
        isOver = true
        finish()
      } catch (error) {
        isOver = true
        finish(error)
      }
    },
  })
  try {
    await over
  } finally {
    await reader.close()
  }
  return { records, missing: missing ?? 0 }
}
