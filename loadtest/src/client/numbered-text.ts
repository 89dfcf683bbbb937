const digits = 10
const zero = 0x30

/** How long the numbered part is: `~` TAG NUMBER. Units: bytes. */
export const numberBytes = 1 + 4 + digits

/** Writes and reads numbers in bodies, so that only those of this worker in this run are counted. Shape: `tag` is 4 letters. */
export class NumberedText {
  readonly #prefix: string
  readonly #bytes: Buffer
  readonly #filler: string

  constructor(tag: string, bodyBytes: number) {
    this.#prefix = `~${tag}`
    this.#bytes = Buffer.from(this.#prefix)
    this.#filler = ' '.padEnd(Math.max(0, bodyBytes - numberBytes), 'abcdefghi ')
  }

  /** A short one: prefix and number. */
  short(number: number): string {
    return this.#prefix + String(number).padStart(digits, '0')
  }

  /** A body as long as asked for. */
  body(number: number): string {
    return this.short(number) + this.#filler
  }

  /** The number at a place; -1 where none of ours is. */
  read(bytes: Buffer, at: number): number {
    if (at < 0 || at + numberBytes > bytes.length) return -1
    for (let i = 0; i < this.#bytes.length; i++) if (bytes[at + i] !== this.#bytes[i]) return -1
    let number = 0
    const from = at + this.#bytes.length
    for (let i = from; i < from + digits; i++) {
      const digit = (bytes[i] ?? 0) - zero
      if (digit < 0 || digit > 9) return -1
      number = number * 10 + digit
    }
    return number
  }

  /** The first of our numbers between two places, wherever it stands; -1 without. */
  find(bytes: Buffer, start: number, end: number): number {
    const at = bytes.indexOf(this.#bytes, start)
    return at < 0 || at >= end ? -1 : this.read(bytes, at)
  }
}
