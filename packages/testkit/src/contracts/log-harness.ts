import type { Log, LogBatch } from '@starling/core'
import { unpackRecord } from '@starling/wire'

/** Options of a log that a contract test sets for itself. */
export interface LogOverrides {
  readonly maxPendingBytes?: number
  readonly maxRecordBytes?: number
  readonly closeTimeoutMs?: number
}

/** One kind of log under test. */
export interface LogHarness {
  /** Opens a client of the log. Order: clients opened without overrides see the same topics. */
  readonly open: (overrides?: LogOverrides) => Promise<Log>
  /** Name of a topic of eight partitions that nobody else uses. */
  readonly topic: () => Promise<string>
  /** Runs of each property. */
  readonly runs: number
  /** What records are stamped with. Units: ms since 1970. */
  readonly now: number
  /** Ends what the harness started; the clients it opened included. */
  readonly close: () => Promise<void>
}

/** Partitions of every topic of the contract. */
export const contractPartitions = 8

/** Waits until a claim holds. Errors: rejects with what was waited for after 30 s, so that a broken log fails a test. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 3000; tries++) {
    if (await holds()) return
    await pause(10)
  }
  throw new Error(`waited in vain until ${what}`)
}

/** Lets time pass. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** A text as an envelope. */
export function envelope(text: string): Uint8Array {
  return Buffer.from(text)
}

/** The texts in a batch. Errors: throws when a value is not a packed record. */
export function textsOf(batch: LogBatch): readonly string[] {
  return batch.records.flatMap((record) => {
    const unpacked = unpackRecord(record.value)
    if (!unpacked.ok) throw new Error(`record ${record.offset} is ${unpacked.error}`)
    return unpacked.value.map((bytes) => Buffer.from(bytes).toString())
  })
}

/** A promise and the means to end it. */
export function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open = (): void => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}
