/** Writes the wire's primitive values one after another; grows as needed. */
export interface Writer {
  readonly u8: (value: number) => void
  readonly u16: (value: number) => void
  readonly u32: (value: number) => void
  /** Units: milliseconds or counts below 2^48. */
  readonly u48: (value: number) => void
  /** Offsets: below 2^53, eight bytes; -1 stands for "none". */
  readonly u53: (value: number) => void
  readonly text16: (value: string) => void
  readonly bytes32: (value: Uint8Array) => void
  /** The bytes written, a copy of its own. */
  readonly end: () => Uint8Array
}

/** Reads what a Writer wrote. Errors: past the end it yields zeros and `isOver` turns true; never throws. */
export interface Reader {
  readonly u8: () => number
  readonly u16: () => number
  readonly u32: () => number
  readonly u48: () => number
  readonly u53: () => number
  readonly text16: () => string
  /** A view on the same memory. */
  readonly bytes32: () => Uint8Array
  readonly isOver: () => boolean
}

/** Longest text the wire carries. Units: bytes of UTF-8. */
export const maxTextBytes = 65_535

/** A Writer on fresh memory. Errors: throws on a text above `maxTextBytes`: the gate's limits make that a bug. */
export function byteWriter(): Writer {
  let buffer = Buffer.allocUnsafe(1024)
  let at = 0
  const room = (bytes: number): void => {
    if (at + bytes <= buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, at + bytes))
    buffer.copy(larger, 0, 0, at)
    buffer = larger
  }
  return {
    u8: (value) => {
      room(1)
      at = buffer.writeUInt8(value, at)
    },
    u16: (value) => {
      room(2)
      at = buffer.writeUInt16BE(value, at)
    },
    u32: (value) => {
      room(4)
      at = buffer.writeUInt32BE(value, at)
    },
    u48: (value) => {
      room(6)
      at = buffer.writeUIntBE(value, at, 6)
    },
    u53: (value) => {
      room(8)
      at = buffer.writeDoubleBE(value, at)
    },
    text16: (value) => {
      const most = value.length * 3
      room(2 + most)
      const bytes = buffer.write(value, at + 2, 'utf8')
      if (bytes > maxTextBytes) throw new RangeError(`a text of ${bytes} bytes does not fit the wire`)
      buffer.writeUInt16BE(bytes, at)
      at += 2 + bytes
    },
    bytes32: (value) => {
      room(4 + value.length)
      at = buffer.writeUInt32BE(value.length, at)
      buffer.set(value, at)
      at += value.length
    },
    end: () => Buffer.from(buffer.subarray(0, at)),
  }
}

/** A Reader on `bytes`. */
export function byteReader(bytes: Uint8Array): Reader {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  let over = false
  const take = (length: number): number => {
    if (at + length > buffer.length) {
      over = true
      at = buffer.length
      return -1
    }
    const start = at
    at += length
    return start
  }
  const number = (length: number, read: (start: number) => number): number => {
    const start = take(length)
    return start < 0 ? 0 : read(start)
  }
  return {
    u8: () => number(1, (start) => buffer.readUInt8(start)),
    u16: () => number(2, (start) => buffer.readUInt16BE(start)),
    u32: () => number(4, (start) => buffer.readUInt32BE(start)),
    u48: () => number(6, (start) => buffer.readUIntBE(start, 6)),
    u53: () => number(8, (start) => buffer.readDoubleBE(start)),
    text16: () => {
      const length = number(2, (start) => buffer.readUInt16BE(start))
      const start = take(length)
      return start < 0 ? '' : buffer.toString('utf8', start, start + length)
    },
    bytes32: () => {
      const length = number(4, (start) => buffer.readUInt32BE(start))
      const start = take(length)
      return start < 0 ? new Uint8Array(0) : buffer.subarray(start, start + length)
    },
    isOver: () => over,
  }
}
