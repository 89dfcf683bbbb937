const space = 0x20
const doubleQuote = 0x22
const singleQuote = 0x27
const equals = 0x3d
const slash = 0x2f
const greaterThan = 0x3e

/** One attribute of a start tag as it stands in the bytes; `start` is before the white space in front of it. */
export type TagAttribute = {
  readonly start: number
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

/** Tells of each attribute behind `from`; gives the place of the `>` or `/` that ends the tag, or the bytes' end. */
export function walkAttributes(raw: Uint8Array, from: number, visit: (attribute: TagAttribute) => void): number {
  let at = from
  while (at < raw.length) {
    const start = at
    while (at < raw.length && (raw[at] as number) <= space) at++
    if (raw[at] === greaterThan || raw[at] === slash) return at
    const nameStart = at
    const nameEnd = endOfName(raw, at)
    at = nameEnd
    while (at < raw.length && raw[at] !== doubleQuote && raw[at] !== singleQuote) at++
    const quote = raw[at] as number
    const valueStart = at + 1
    at = valueStart
    while (at < raw.length && raw[at] !== quote) at++
    if (at >= raw.length) return raw.length
    visit({ start, nameStart, nameEnd, valueStart, valueEnd: at })
    at++
  }
  return raw.length
}

/** Finds the parts of the start tag whose `<` stands at `from`, in bytes that passed the gate; ends on any bytes. */
export function readTag(raw: Uint8Array, from: number): Tag {
  const nameEnd = endOfName(raw, from + 1)
  const attributes: TagAttribute[] = []
  const at = walkAttributes(raw, nameEnd, (attribute) => attributes.push(attribute))
  const isEmpty = raw[at] === slash
  return { nameStart: from + 1, nameEnd, attributes, end: Math.min(raw.length, isEmpty ? at + 2 : at + 1), isEmpty }
}

/** Says whether a range of bytes is this ASCII text. */
export function isAscii(raw: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false
  for (let i = 0; i < text.length; i++) if (raw[start + i] !== text.charCodeAt(i)) return false
  return true
}
