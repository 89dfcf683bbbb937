import type { Cause } from './envelope.ts'

/** The highest cause seen from each source partition (R3): what decides whether a record is a duplicate. */
export interface CauseTable {
  /**
   * True when the cause is above the highest seen from its source, which it then becomes; false for a duplicate. Questions
   * (numbered `maxEmissions`) are always taken and change nothing.
   */
  readonly accept: (cause: Cause) => boolean
  /** Commit metadata. Shape: base64 of 15 bytes a source partition. */
  readonly encode: () => string
}

/** A table as the last commit left it; '' for an empty one. Errors: metadata that is not ours counts as empty. */
export function causeTable(metadata: string): CauseTable {
  const seen = new Map<number, { offset: number; index: number }>()
  const bytes = Buffer.from(metadata, 'base64')
  for (let at = 0; at + entryBytes <= bytes.length; at += entryBytes) {
    seen.set(bytes.readUIntBE(at, 3), { offset: bytes.readDoubleBE(at + 3), index: bytes.readUInt32BE(at + 11) })
  }
  return {
    accept: (cause) => {
      // A question is asked again by who takes over, though a later record of the same source was seen already: dropping it
      // would lose what it carries. Who gets its answer knows a repetition.
      if (cause.index % 65_536 === maxEmissions) return true
      const source = cause.inbox * 65_536 + cause.partition
      const last = seen.get(source)
      if (last === undefined) seen.set(source, { offset: cause.offset, index: cause.index })
      else if (cause.offset > last.offset || (cause.offset === last.offset && cause.index > last.index)) {
        last.offset = cause.offset
        last.index = cause.index
      } else return false
      return true
    },
    encode: () => {
      const out = Buffer.alloc(seen.size * entryBytes)
      let at = 0
      for (const [source, { offset, index }] of seen) {
        out.writeUIntBE(source, at, 3)
        out.writeDoubleBE(offset, at + 3)
        out.writeUInt32BE(index, at + 11)
        at += entryBytes
      }
      return out.toString('base64')
    },
  }
}

// 192 sources (three inboxes of 64 partitions) make 3,840 characters of the broker's 4,096.
const entryBytes = 15

/** Number of an emission inside a cause: envelope of the record, then emission of the envelope. */
export function causeIndex(envelope: number, emission: number): number {
  return envelope * 65_536 + emission
}

/** Emissions one envelope may cause, at most; the last number is kept for questions (R3). */
export const maxEmissions = 65_535
