/** Reads what a `ByteWriter` wrote. Errors: throws a RangeError when the bytes end too early. */
export class ByteReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  count(): number {
    let value = 0
    let unit = 1
    for (;;) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw new RangeError('the bytes end within a number')
      value += (byte & 0x7f) * unit
      if (byte < 0x80) return value
      unit *= 0x80
    }
  }

  /** Shape: a view into the bytes that are read. */
  bytes(): Uint8Array {
    const length = this.count()
    const end = this.#at + length
    if (end > this.#bytes.length) throw new RangeError('the bytes end within a value')
    const value = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return value
  }

  text(): string {
    return decoder.decode(this.bytes())
  }

  /** All that is left. Shape: a view. */
  rest(): Uint8Array {
    const value = this.#bytes.subarray(this.#at)
    this.#at = this.#bytes.length
    return value
  }
}

const decoder = new TextDecoder()
