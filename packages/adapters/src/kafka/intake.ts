import type { LogBatch, LogRecord } from '@starling/core'
import { type Worker, worker } from '../log/worker.ts'
import type { TopicPartition } from './driver.ts'

/** What an intake works with. */
export interface IntakeOptions extends TopicPartition {
  readonly maxBatchRecords: number
  /** Units: bytes of records that wait for the handler before the source is paused. */
  readonly maxBufferedBytes: number
  readonly retryMs: number
  readonly handle: (batch: LogBatch) => Promise<string>
  readonly handled: (nextOffset: number, metadata: string) => void
  readonly refused: (error: unknown) => void
  readonly pause: () => void
  readonly resume: () => void
}

/** One partition's way from the client library to its handler. */
export interface Intake {
  /** Takes what was fetched; records below the next expected offset are dropped. */
  readonly receive: (records: readonly LogRecord[]) => void
  /** Starts handing over, from `offset` on. */
  readonly begin: (offset: number) => void
  /** Hands over nothing until `release`; the batch at work goes on. */
  readonly hold: () => void
  readonly release: () => void
  /** Takes out what waits for the handler. */
  readonly rest: () => readonly LogRecord[]
  /** Takes nothing more; resolves when the batch at work has ended, which may be never: bound it. */
  readonly stop: () => Promise<void>
  /** Next offset that the source should bring. */
  readonly expected: () => number
  /** Next offset that is not handled. */
  readonly position: () => number
  /** True while the source is asked for nothing. */
  readonly isPaused: () => boolean
}

/**
 * Makes an intake.
 * Bound: `maxBufferedBytes` and one fetch; when full the source is paused until half is handled.
 */
export function intake(options: IntakeOptions): Intake {
  const { topic, partition, maxBatchRecords, maxBufferedBytes, retryMs, handle, refused } = options
  const buffer: LogRecord[] = []
  let bufferedBytes = 0
  let expected = -1
  let position = -1
  let isBegun = false
  let isHeld = false
  let isPaused = false

  const mine: Worker = worker({
    topic,
    partition,
    maxBatchRecords,
    take: (maxRecords) => {
      const records = isBegun && !isHeld ? buffer.splice(0, maxRecords) : []
      for (const record of records) bufferedBytes -= record.value.length
      if (isPaused && bufferedBytes <= maxBufferedBytes / 2) {
        isPaused = false
        options.resume()
      }
      return records
    },
    handle,
    handled: (nextOffset, metadata) => {
      position = nextOffset
      options.handled(nextOffset, metadata)
    },
    refused,
    retryMs,
    schedule: (run, delayMs) => {
      if (delayMs > 0) setTimeout(run, delayMs)
      else setImmediate(run)
    },
  })

  function receive(records: readonly LogRecord[]): void {
    for (const record of records) {
      if (record.offset < expected) continue // fetched again after a rebalance, or before our start
      buffer.push(record)
      bufferedBytes += record.value.length
      expected = record.offset + 1
    }
    if (!isPaused && bufferedBytes > maxBufferedBytes) {
      isPaused = true
      options.pause()
    }
    if (isBegun) mine.wake()
  }

  function begin(offset: number): void {
    const early = buffer.splice(0)
    bufferedBytes = 0
    expected = offset
    position = offset
    isBegun = true
    receive(early)
    if (isPaused && bufferedBytes <= maxBufferedBytes / 2) {
      isPaused = false
      options.resume()
    }
  }

  return {
    receive,
    begin,
    hold: () => {
      isHeld = true
    },
    release: () => {
      isHeld = false
      mine.wake()
    },
    rest: () => buffer.splice(0),
    stop: mine.stop,
    expected: () => expected,
    position: () => position,
    isPaused: () => isPaused,
  }
}
