/** Where a stanza lies in its bytes, and what the load needs of it. Units: bytes from the beginning of `bytes`. */
export interface Found {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  /** End of the stanza's own start tag. */
  readonly tagEnd: number
  /** Where the text of a direct child <body> or <status> begins; -1 without. */
  readonly textAt: number
}

/** Who is told. */
export interface ScannerEvents {
  readonly onStanza: (found: Found) => void
  /** The stream header, `<stream:stream …>`. */
  readonly onHeader: (text: string) => void
  readonly onEnd: () => void
  readonly onFault: (text: string) => void
}

/** Bytes of an unfinished stanza that are kept; more is a fault. */
export const maxPendingBytes = 8 * 1024 * 1024

const lt = 0x3c
const gt = 0x3e
const slash = 0x2f
const quote = 0x22
const apostrophe = 0x27
const question = 0x3f
const bang = 0x21

/**
 * Finds the stanzas in a stream of bytes without building anything of them: it counts how deep it is, and no more.
 * It trusts the server to send well-formed XML (RFC 6120 §11.1: no comments, no processing instructions).
 * Errors: onFault, once; what follows is ignored.
 */
export class Scanner {
  #pending: Buffer | undefined
  #isBroken = false
  readonly #events: ScannerEvents

  constructor(events: ScannerEvents) {
    this.#events = events
  }

  /** A new stream begins on the same connection (after STARTTLS, after SASL). */
  reset(): void {
    this.#pending = undefined
  }

  push(chunk: Buffer): void {
    if (this.#isBroken) return
    const pending = this.#pending
    const bytes = pending === undefined ? chunk : Buffer.concat([pending, chunk])
    this.#pending = undefined
    const rest = this.#scan(bytes)
    if (rest >= bytes.length || this.#isBroken) return
    if (bytes.length - rest > maxPendingBytes) this.#fault(`a stanza is longer than ${maxPendingBytes} bytes`)
    // A copy: the chunk's memory is shared by all connections.
    else this.#pending = Buffer.from(bytes.subarray(rest))
  }

  /** Returns where the first unfinished thing begins. */
  #scan(bytes: Buffer): number {
    let at = 0
    for (;;) {
      while (at < bytes.length && bytes[at] !== lt) at++
      if (at >= bytes.length) return bytes.length
      const end = tagEndOf(bytes, at)
      if (end < 0) return at
      const second = bytes[at + 1]
      if (second === bang) this.#fault(unwanted)
      if (this.#isBroken) return bytes.length
      if (second === slash) this.#events.onEnd()
      else if (second !== question) {
        const rest = this.#open(bytes, at, end)
        if (rest < 0) return at
        at = rest
        continue
      }
      at = end
    }
  }

  /** A start tag outside any stanza: returns where what it opens ends; -1 when that is not there yet. */
  #open(bytes: Buffer, start: number, tagEnd: number): number {
    if (startsWith(bytes, start, header)) {
      this.#events.onHeader(bytes.toString('utf8', start, tagEnd))
      return tagEnd
    }
    if (bytes[tagEnd - 2] === slash) {
      this.#events.onStanza({ bytes, start, end: tagEnd, tagEnd, textAt: -1 })
      return tagEnd
    }
    let depth = 1
    let textAt = -1
    let at = tagEnd
    for (;;) {
      while (at < bytes.length && bytes[at] !== lt) at++
      const end = tagEndOf(bytes, at)
      if (end < 0) return -1
      const second = bytes[at + 1]
      if (second === bang) {
        this.#fault(unwanted)
        return bytes.length
      }
      if (second === slash) depth--
      else if (bytes[end - 2] !== slash) {
        if (depth === 1 && textAt < 0 && holdsNumber(bytes, at)) textAt = end
        depth++
      }
      at = end
      if (depth === 0) {
        this.#events.onStanza({ bytes, start, end, tagEnd, textAt })
        return end
      }
    }
  }

  #fault(text: string): void {
    this.#isBroken = true
    this.#events.onFault(text)
  }
}

/** After the `>` of the tag at `from`; -1 when it is not there yet. A `>` within quotes does not end a tag. */
function tagEndOf(bytes: Buffer, from: number): number {
  let open = 0
  for (let at = from + 1; at < bytes.length; at++) {
    const byte = bytes[at]
    if (open !== 0) {
      if (byte === open) open = 0
    } else if (byte === gt) return at + 1
    else if (byte === quote || byte === apostrophe) open = byte
  }
  return -1
}

const unwanted = 'the server sent a comment, a doctype or CDATA'
const header = Buffer.from('<stream:stream')
const body = Buffer.from('<body')
const status = Buffer.from('<status')

function holdsNumber(bytes: Buffer, at: number): boolean {
  return startsWith(bytes, at, body) || startsWith(bytes, at, status)
}

/** Whether a tag has this name: what follows ends it. */
function startsWith(bytes: Buffer, at: number, name: Buffer): boolean {
  for (let i = 1; i < name.length; i++) if (bytes[at + i] !== name[i]) return false
  const next = bytes[at + name.length]
  return next === gt || next === 0x20 || next === slash || next === 0x0a || next === 0x09
}
