import type { Cause } from './envelope-parts.ts'

/** The highest cause seen from each source partition (R3): what decides whether a record is a duplicate. */
export interface CauseTable {
  /**
   * True when the cause is above the highest seen from its source, which it then becomes; false for a duplicate. Questions
   * (numbered `maxEmissions`) are always taken and change nothing.
   */
  readonly accept: (cause: Cause) => boolean
  /** Commit metadata. Shape: `2:` and base64; 11 bytes a source partition, 4 a source. */
  readonly encode: () => string
}

/** A table as the last commit left it; '' for an empty one. Errors: metadata that is not ours counts as empty. */
export function causeTable(metadata: string): CauseTable {
  const isOurs = metadata.startsWith(shape)
  const kept = isOurs ? readTable(Buffer.from(metadata.slice(shape.length), 'base64')) : undefined
  const seen = kept ?? new Map<number, Seen>()
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
    encode: () => shape + writeTable(seen).toString('base64'),
  }
}

/** Opens metadata of this shape; before it came base64 alone. */
const shape = '2:'

interface Seen {
  offset: number
  index: number
}

// Shape: by source u8 number, u8 width of an offset (6, or 7 where one needs it), u16 count, then for each partition: u8 partition
// below 128 or u16 with its highest bit set, offset, u32 index. 256 of them (four sources of 64 partitions) make 3,778
// characters of the broker's 4,096.
function writeTable(seen: ReadonlyMap<number, Seen>): Buffer {
  const sources = new Map<number, (readonly [number, Seen])[]>()
  for (const [key, last] of seen) {
    const source = Math.floor(key / 65_536)
    const partitions = sources.get(source) ?? []
    sources.set(source, partitions)
    partitions.push([key % 65_536, last])
  }
  const out = Buffer.alloc(sources.size * 4 + seen.size * 13)
  let at = 0
  for (const [source, partitions] of sources) {
    const isWide = partitions.some(([, { offset }]) => offset >= 2 ** 48)
    at = out.writeUInt8(source, at)
    at = out.writeUInt8(isWide ? 7 : 6, at)
    at = out.writeUInt16BE(partitions.length, at)
    for (const [partition, { offset, index }] of partitions) {
      at = partition < 128 ? out.writeUInt8(partition, at) : out.writeUInt16BE(0x8000 + partition, at)
      if (isWide) at = out.writeUInt8(Math.floor(offset / 2 ** 48), at)
      at = out.writeUIntBE(offset % 2 ** 48, at, 6)
      at = out.writeUInt32BE(index, at)
    }
  }
  return out.subarray(0, at)
}

function readTable(bytes: Buffer): Map<number, Seen> | undefined {
  const seen = new Map<number, Seen>()
  let at = 0
  while (at + 4 <= bytes.length) {
    const source = bytes.readUInt8(at)
    const width = bytes.readUInt8(at + 1)
    const count = bytes.readUInt16BE(at + 2)
    if (width !== 6 && width !== 7) return undefined
    at += 4
    for (let left = count; left > 0; left--) {
      const isShort = (bytes[at] ?? 0) < 128
      const head = isShort ? 1 : 2
      if (at + head + width + 4 > bytes.length) return undefined
      const partition = isShort ? bytes.readUInt8(at) : bytes.readUInt16BE(at) - 0x8000
      at += head
      const high = width === 7 ? bytes.readUInt8(at) * 2 ** 48 : 0
      const offset = high + bytes.readUIntBE(at + width - 6, 6)
      seen.set(source * 65_536 + partition, { offset, index: bytes.readUInt32BE(at + width) })
      at += width + 4
    }
  }
  return at === bytes.length ? seen : undefined
}

/** Number of an emission inside a cause: envelope of the record, then emission of the envelope. */
export function causeIndex(envelope: number, emission: number): number {
  return envelope * 65_536 + emission
}

/** Emissions one envelope may cause, at most; the last number is kept for questions (R3). */
export const maxEmissions = 65_535
