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
  /** The bytes written, a view on the writer's memory; nothing is written after. */
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

/**
 * A Writer on fresh memory, made for `expectedBytes`; what is written may be longer.
 * Errors: throws on a text above `maxTextBytes`: the gate's limits make that a bug.
 */
export function byteWriter(expectedBytes = 1024): Writer {
  return new GrowingWriter(expectedBytes)
}

/** A Reader on `bytes`. */
export function byteReader(bytes: Uint8Array): Reader {
  return new WindowReader(bytes)
}

// Methods of a class and no closures: both are made anew for every envelope, and eight closures cost more than the reading.
class GrowingWriter implements Writer {
  #buffer: Buffer
  #at = 0

  constructor(expectedBytes: number) {
    this.#buffer = Buffer.allocUnsafe(expectedBytes)
  }

  u8(value: number): void {
    this.#at = this.#room(1).writeUInt8(value, this.#at)
  }

  u16(value: number): void {
    this.#at = this.#room(2).writeUInt16BE(value, this.#at)
  }

  u32(value: number): void {
    this.#at = this.#room(4).writeUInt32BE(value, this.#at)
  }

  u48(value: number): void {
    this.#at = this.#room(6).writeUIntBE(value, this.#at, 6)
  }

  u53(value: number): void {
    this.#at = this.#room(8).writeDoubleBE(value, this.#at)
  }

  text16(value: string): void {
    const buffer = this.#room(2 + value.length * 3)
    const bytes = buffer.write(value, this.#at + 2, 'utf8')
    if (bytes > maxTextBytes) throw new RangeError(`a text of ${bytes} bytes does not fit the wire`)
    buffer.writeUInt16BE(bytes, this.#at)
    this.#at += 2 + bytes
  }

  bytes32(value: Uint8Array): void {
    const buffer = this.#room(4 + value.length)
    buffer.set(value, buffer.writeUInt32BE(value.length, this.#at))
    this.#at += 4 + value.length
  }

  end(): Uint8Array {
    return this.#buffer.subarray(0, this.#at)
  }

  #room(bytes: number): Buffer {
    if (this.#at + bytes > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes))
      this.#buffer.copy(larger, 0, 0, this.#at)
      this.#buffer = larger
    }
    return this.#buffer
  }
}

// A call that makes a string costs more than the string: the short texts stand at an envelope's beginning, so this much
// of it becomes one string, and they are slices of it (which keep it alive). Units: bytes.
const windowBytes = 256

class WindowReader implements Reader {
  readonly #buffer: Buffer
  #window: string | undefined
  #at = 0
  #isOver = false

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  u8(): number {
    const start = this.#take(1)
    return start < 0 ? 0 : this.#buffer.readUInt8(start)
  }

  u16(): number {
    const start = this.#take(2)
    return start < 0 ? 0 : this.#buffer.readUInt16BE(start)
  }

  u32(): number {
    const start = this.#take(4)
    return start < 0 ? 0 : this.#buffer.readUInt32BE(start)
  }

  u48(): number {
    const start = this.#take(6)
    return start < 0 ? 0 : this.#buffer.readUIntBE(start, 6)
  }

  u53(): number {
    const start = this.#take(8)
    return start < 0 ? 0 : this.#buffer.readDoubleBE(start)
  }

  text16(): string {
    const length = this.u16()
    const start = this.#take(length)
    if (start <= 0) return ''
    const end = start + length
    if (end > windowBytes || !isAscii(this.#buffer, start, end)) return this.#buffer.toString('utf8', start, end)
    this.#window ??= this.#buffer.toString('latin1', 0, windowBytes)
    return this.#window.slice(start, end)
  }

  bytes32(): Uint8Array {
    const length = this.u32()
    const start = this.#take(length)
    return start < 0 ? new Uint8Array(0) : this.#buffer.subarray(start, start + length)
  }

  isOver(): boolean {
    return this.#isOver
  }

  /** Where the next `length` bytes begin; -1 past the end. */
  #take(length: number): number {
    const start = this.#at
    if (start + length > this.#buffer.length) {
      this.#isOver = true
      this.#at = this.#buffer.length
      return -1
    }
    this.#at = start + length
    return start
  }
}

function isAscii(buffer: Buffer, start: number, end: number): boolean {
  let bits = 0
  for (let at = start; at < end; at++) bits |= buffer[at] ?? 0
  return bits < 0x80
}

/**
 * A copy with memory of its own, and no more of it than the bytes: for what is kept.
 * Not `slice`: that of a Buffer is a view, which keeps alive whatever it looks into: a whole batch of the log, or the 8 KiB that small
 * buffers are cut from.
 */
export function ownedBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}
