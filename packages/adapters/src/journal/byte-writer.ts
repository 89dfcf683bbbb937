/** Writes into one buffer that grows; the buffer is given away and may come back. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>
  #length = 0

  constructor(bytes: Uint8Array<ArrayBuffer> = new Uint8Array(firstBytes)) {
    this.#bytes = bytes
  }

  get length(): number {
    return this.#length
  }

  /** What was written. Shape: a view; the buffer behind it is longer. */
  written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length)
  }

  /** A whole number from 0 to 2^53 - 1, in 7 bits a byte. */
  count(value: number): void {
    this.#reserve(8)
    let rest = value
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length++] = rest
  }

  /** Bytes, with their length before them. */
  bytes(value: Uint8Array): void {
    this.count(value.length)
    this.raw(value)
  }

  /** Bytes as they are. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  /** A text in UTF-8, with its length before it. */
  text(value: string): void {
    // Three bytes a UTF-16 unit at most, and the length is written once it is known: four bytes are enough for it
    this.#reserve(value.length * 3 + 4)
    const at = this.#length
    const { written } = encoder.encodeInto(value, this.#bytes.subarray(at + 4))
    this.count(written)
    this.#bytes.copyWithin(this.#length, at + 4, at + 4 + written)
    this.#length += written
  }

  /** Leaves room for a length of four bytes; `close` with what this returned fills it in. */
  open(): number {
    this.#reserve(4)
    this.#length += 4
    return this.#length
  }

  /** Writes how many bytes came since `open`. Units: bytes, below 2^28. */
  close(start: number): void {
    let rest = this.#length - start
    for (let at = start - 4; at < start; at++) {
      this.#bytes[at] = at === start - 1 ? rest : (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more))
    grown.set(this.written())
    this.#bytes = grown
  }
}

/** Writes a key's value as it is now. */
export type Encode = (writer: ByteWriter) => void

const firstBytes = 64 * 1024
const encoder = new TextEncoder()
