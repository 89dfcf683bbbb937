const space = 0x20
const doubleQuote = 0x22
const singleQuote = 0x27
const equals = 0x3d
const slash = 0x2f
const greaterThan = 0x3e

/** One attribute of a start tag as it stands in the bytes. */
export type TagAttribute = {
  readonly nameStart: number
  readonly nameEnd: number
  readonly valueStart: number
  readonly valueEnd: number
}

/** A start tag as it stands in the bytes. */
export type Tag = {
  readonly nameStart: number
  readonly nameEnd: number
  readonly attributes: readonly TagAttribute[]
  /** After its `>`. */
  readonly end: number
  readonly isEmpty: boolean
}

function endOfName(raw: Uint8Array, from: number): number {
  let at = from
  for (; at < raw.length; at++) {
    const byte = raw[at] as number
    if (byte <= space || byte === equals || byte === slash || byte === greaterThan) break
  }
  return at
}

/** Where the root's name ends. */
export function rootNameEnd(raw: Uint8Array): number {
  return Math.min(raw.length, endOfName(raw, 1))
}

/**
 * Walks the attributes of a start tag, one at a time, without making a value of each.
 * Order: `next` until it says false; then `at` is the place of the `>` or `/` that ends the tag, or the bytes' end.
 */
export class AttributeCursor {
  readonly raw: Uint8Array
  at: number
  /** Before the white space in front of the attribute. */
  start = 0
  nameStart = 0
  nameEnd = 0
  valueStart = 0
  valueEnd = 0

  constructor(raw: Uint8Array, nameEnd: number) {
    this.raw = raw
    this.at = nameEnd
  }

  /** Goes to the next attribute; says whether there is one. */
  next(): boolean {
    const { raw } = this
    const end = raw.length
    let at = this.at
    this.start = at
    while (at < end && (raw[at] as number) <= space) at++
    this.at = at
    if (at >= end || raw[at] === greaterThan || raw[at] === slash) return false
    this.nameStart = at
    at = endOfName(raw, at)
    this.nameEnd = at
    while (at < end && raw[at] !== doubleQuote && raw[at] !== singleQuote) at++
    const quote = raw[at] as number
    at++
    this.valueStart = at
    while (at < end && raw[at] !== quote) at++
    this.valueEnd = at
    this.at = Math.min(end, at + 1)
    return at < end
  }
}

/** Finds the parts of the start tag whose `<` stands at `from`, in bytes that passed the gate; ends on any bytes. */
export function readTag(raw: Uint8Array, from: number): Tag {
  const nameEnd = endOfName(raw, from + 1)
  const cursor = new AttributeCursor(raw, nameEnd)
  const attributes: TagAttribute[] = []
  while (cursor.next()) {
    const { nameStart, nameEnd: end, valueStart, valueEnd } = cursor
    attributes.push({ nameStart, nameEnd: end, valueStart, valueEnd })
  }
  const isEmpty = raw[cursor.at] === slash
  const end = Math.min(raw.length, isEmpty ? cursor.at + 2 : cursor.at + 1)
  return { nameStart: from + 1, nameEnd, attributes, end, isEmpty }
}

/** Says whether a range of bytes is this ASCII text. */
export function isAscii(raw: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false
  for (let i = 0; i < text.length; i++) if (raw[start + i] !== text.charCodeAt(i)) return false
  return true
}
