import type { LogBatch, LogRecord } from '@starling/core'

/** What a worker works on, and with. */
export interface WorkerOptions {
  readonly topic: string
  readonly partition: number
  /** Units: records handed over at once, at most. */
  readonly maxBatchRecords: number
  /** Takes the next records off the source; none when there are none yet. */
  readonly take: (maxRecords: number) => readonly LogRecord[]
  readonly handle: (batch: LogBatch) => Promise<string>
  /** Told of a handled batch: the offset after it and what to commit beside. */
  readonly handled: (nextOffset: number, metadata: string) => void
  /** Told of a rejection; the same batch is handed over again after `retryMs`. */
  readonly refused: (error: unknown) => void
  readonly retryMs: number
  readonly schedule: (run: () => void, delayMs: number) => void
}

/** Hands one partition's records to its handler, one batch at a time. */
export interface Worker {
  /** Says that the source may have records. */
  readonly wake: () => void
  /** Takes no further batch; resolves when the one at work has ended, which may be never: bound it. */
  readonly stop: () => Promise<void>
}

/** Makes a worker. Order: batches in the order of the source, one at a time; a refused batch comes again before any other. */
export function worker(options: WorkerOptions): Worker {
  const { topic, partition, maxBatchRecords, take, handle, handled, refused, retryMs, schedule } = options
  let held: readonly LogRecord[] = []
  let isAwake = false
  let isAtWork = false
  let isStopped = false
  const stoppers: (() => void)[] = []

  async function step(): Promise<void> {
    if (isStopped) return
    if (held.length === 0) held = take(maxBatchRecords)
    const last = held.at(-1)
    if (last === undefined) {
      isAwake = false
      return
    }
    isAtWork = true
    let delayMs = 0
    try {
      const metadata = await handle({ topic, partition, records: held })
      held = []
      handled(last.offset + 1, metadata)
    } catch (error) {
      refused(error)
      delayMs = retryMs
    }
    isAtWork = false
    if (isStopped) for (const done of stoppers.splice(0)) done()
    else schedule(run, delayMs)
  }

  function run(): void {
    void step()
  }

  function wake(): void {
    if (isAwake || isStopped) return
    isAwake = true
    schedule(run, 0)
  }

  function stop(): Promise<void> {
    isStopped = true
    if (!isAtWork) return Promise.resolve()
    return new Promise((resolve) => stoppers.push(resolve))
  }

  return { wake, stop }
}
