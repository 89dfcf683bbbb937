import type { StorageIo } from '@starling/core'

const dayMs = 86_400_000
/** Between two looks at what is too old. Units: ms. */
export const retentionEveryMs = 3_600_000

/** Runs a function later; returns what cancels it. Units: ms. */
export type Later = (delayMs: number, run: () => void) => () => void

/**
 * Drops archived messages older than `archive.retentionDays`, now and every hour; 0 keeps them for ever. Several pods may do it
 * at once.
 * Errors: a database that is away is waited for until the next time.
 */
export function startRetention(io: StorageIo, later: Later = timer): () => void {
  const { retentionDays } = io.settings.archive
  if (retentionDays === 0) return () => {}
  const dropped = io.metrics.counter(
    'starling_archive_dropped_total',
    'Parts or rows of the archive that retention dropped',
  )
  let cancel = (): void => {}
  let isStopped = false
  const look = (): void => {
    io.storage
      .run('archive.retain', [{ beforeMs: io.clock() - retentionDays * dayMs }])
      .then(([count = 0]) => {
        if (count > 0) io.logger.info({ what: 'archive.retained', retentionDays, dropped: count })
        dropped.add(count)
      })
      .catch((error: unknown) => io.logger.warn({ what: 'archive.retention-failed', error }))
      .finally(() => {
        if (!isStopped) cancel = later(retentionEveryMs, look)
      })
  }
  cancel = later(0, look)
  return () => {
    isStopped = true
    cancel()
  }
}

function timer(delayMs: number, run: () => void): () => void {
  const at = setTimeout(run, delayMs)
  at.unref()
  return () => clearTimeout(at)
}
