/**
 * Byte classes of XML 1.0 as the scanner meets them: one table look-up per byte, a flag per question asked.
 * Source: XML 1.0 §2.2, §2.3; Namespaces in XML §3.
 */
export const byteClass = {
  /** Ends a run of character data: `<` `&` `>` and the control characters XML forbids. */
  textStop: 1,
  /** Ends a run inside an attribute value: quotes, `<`, `&`, tab, line ends and forbidden control characters. */
  valueStop: 2,
  /** May stand in a name; every byte with the high bit may, until the whole name is judged. */
  name: 4,
  /** May begin a name. */
  nameStart: 8,
  /** Space, tab, carriage return, line feed. */
  space: 16,
  /** A control character that XML 1.0 has no way to say. */
  forbidden: 32,
} as const

function classify(byte: number): number {
  const isSpace = byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
  if (isSpace) return byteClass.space | (byte === 0x20 ? 0 : byteClass.valueStop)
  if (byte < 0x20) return byteClass.forbidden | byteClass.textStop | byteClass.valueStop
  const char = String.fromCharCode(byte)
  let flags = 0
  if ('<&>'.includes(char)) flags |= byteClass.textStop
  if ('<&"\''.includes(char)) flags |= byteClass.valueStop
  if (byte >= 0x80 || /[A-Za-z_:]/.test(char)) flags |= byteClass.name | byteClass.nameStart
  if (/[0-9.-]/.test(char)) flags |= byteClass.name
  return flags
}

/** The class flags of every byte value. */
export const byteClasses: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => classify(byte))

const ncName =
  /^[A-Z_a-z\u{C0}-\u{D6}\u{D8}-\u{F6}\u{F8}-\u{2FF}\u{370}-\u{37D}\u{37F}-\u{1FFF}\u{200C}-\u{200D}\u{2070}-\u{218F}\u{2C00}-\u{2FEF}\u{3001}-\u{D7FF}\u{F900}-\u{FDCF}\u{FDF0}-\u{FFFD}\u{10000}-\u{EFFFF}][-.0-9A-Z_a-z\u{B7}\u{C0}-\u{D6}\u{D8}-\u{F6}\u{F8}-\u{37D}\u{37F}-\u{1FFF}\u{200C}-\u{200D}\u{203F}-\u{2040}\u{2070}-\u{218F}\u{2C00}-\u{2FEF}\u{3001}-\u{D7FF}\u{F900}-\u{FDCF}\u{FDF0}-\u{FFFD}\u{10000}-\u{EFFFF}]*$/u

/** Says whether a decoded string is a name without a colon. Source: Namespaces in XML §3 NCName. */
export function isNcName(name: string): boolean {
  return ncName.test(name)
}

/** Says whether XML 1.0 may hold this code point, written out or by reference. Source: XML 1.0 §2.2 Char. */
export function isXmlChar(codePoint: number): boolean {
  if (codePoint < 0x20) return codePoint === 0x09 || codePoint === 0x0a || codePoint === 0x0d
  return (
    codePoint <= 0xd7ff ||
    (codePoint >= 0xe000 && codePoint <= 0xfffd) ||
    (codePoint >= 0x10000 && codePoint <= 0x10ffff)
  )
}
