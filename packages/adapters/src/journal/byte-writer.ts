/** Writes into one buffer that grows, again and again. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafeSlow(firstBytes)
  #length = 0

  /** Begins anew behind so many bytes that are left free; a buffer that became very large is let go. */
  restart(freeBytes: number): void {
    if (this.#bytes.length > maxKeptBytes) this.#bytes = Buffer.allocUnsafeSlow(firstBytes)
    this.#length = freeBytes
  }

  get length(): number {
    return this.#length
  }

  /** What was written. Shape: a view, good until the next `restart`. */
  written(): Buffer {
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
    // Three bytes a UTF-16 unit at most
    this.#reserve(value.length * 3 + 4)
    if (value.length < shortText) {
      // Its length fits one byte, whatever the letters
      const written = this.#bytes.write(value, this.#length + 1)
      this.#bytes[this.#length] = written
      this.#length += 1 + written
      return
    }
    this.count(Buffer.byteLength(value))
    this.#length += this.#bytes.write(value, this.#length)
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
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#length + more))
    grown.set(this.written())
    this.#bytes = grown
  }
}

/** Writes a key's value as it is now. */
export type Encode = (writer: ByteWriter) => void

const firstBytes = 64 * 1024
/** Units: bytes of memory kept for the next use. */
const maxKeptBytes = 4 * 1024 * 1024
/** Units: UTF-16 code units of which three bytes each stay below 128. */
const shortText = 43
