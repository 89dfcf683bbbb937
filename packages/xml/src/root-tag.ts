const space = 0x20
const quotes: readonly number[] = [0x22, 0x27]
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

/** Finds the parts of the start tag whose `<` stands at `from`, in bytes that passed the gate; ends on any bytes. */
export function readTag(raw: Uint8Array, from: number): Tag {
  const nameEnd = endOfName(raw, from + 1)
  const attributes: TagAttribute[] = []
  let at = nameEnd
  while (at < raw.length) {
    const start = at
    while ((raw[at] as number) <= space) at++
    if (at >= raw.length || raw[at] === greaterThan || raw[at] === slash) break
    const nameStart = at
    const attributeEnd = endOfName(raw, at)
    at = attributeEnd
    while (at < raw.length && !quotes.includes(raw[at] as number)) at++
    const quoteAt = at
    const close = quoteAt < raw.length ? raw.indexOf(raw[quoteAt] as number, quoteAt + 1) : -1
    if (close < 0) return { nameStart: from + 1, nameEnd, attributes, end: raw.length, isEmpty: false }
    attributes.push({ start, nameStart, nameEnd: attributeEnd, valueStart: quoteAt + 1, valueEnd: close })
    at = close + 1
  }
  const isEmpty = raw[at] === slash
  return { nameStart: from + 1, nameEnd, attributes, end: Math.min(raw.length, isEmpty ? at + 2 : at + 1), isEmpty }
}

/** Says whether a range of bytes is this ASCII text. */
export function isAscii(raw: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false
  for (let i = 0; i < text.length; i++) if (raw[start + i] !== text.charCodeAt(i)) return false
  return true
}
