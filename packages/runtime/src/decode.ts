import type { LogRecord } from '@starling/core'
import { decodeEnvelope, type Envelope, unpackRecord } from '@starling/wire'

/** An envelope of a record, and where it stood. */
export interface Placed {
  readonly offset: number
  readonly index: number
  readonly envelope: Envelope
}

/**
 * Decodes every envelope of some records, in order.
 * Errors: what no one here can read (written by a newer version, or not by Starling) is reported and left out.
 */
export function decodeRecords(
  records: readonly LogRecord[],
  onUnreadable: (offset: number, index: number, fault: string) => void,
): readonly Placed[] {
  const placed: Placed[] = []
  for (const { offset, value } of records) {
    const unpacked = unpackRecord(value)
    if (!unpacked.ok) {
      onUnreadable(offset, 0, `record: ${unpacked.error}`)
      continue
    }
    for (const [index, bytes] of unpacked.value.entries()) {
      const envelope = decodeEnvelope(bytes)
      if (envelope.ok) placed.push({ offset, index, envelope: envelope.value })
      else onUnreadable(offset, index, `envelope: ${envelope.error}`)
    }
  }
  return placed
}
