// The little of ASN.1 DER that a self-signed certificate needs. Source: ITU-T X.690.

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  generalizedTime: 0x18,
} as const

/** Any value: tag, length, content. Source: X.690 §8.1. */
export function derValue(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(content)
  return Buffer.concat([Buffer.from([tag]), derLength(body.length), body])
}

function derLength(length: number): Uint8Array {
  if (length < 0x80) return Buffer.from([length])
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff)
  return Buffer.from([0x80 | bytes.length, ...bytes])
}

/** SEQUENCE of values. */
export function derSequence(...items: readonly Uint8Array[]): Uint8Array {
  return derValue(tags.sequence, ...items)
}

/** SET of one value (of more, DER wants an order). */
export function derSet(item: Uint8Array): Uint8Array {
  return derValue(tags.set, item)
}

/** Positive INTEGER of big-endian bytes. Source: X.690 §8.3. */
export function derInteger(bytes: Uint8Array): Uint8Array {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const trimmed = bytes.subarray(start)
  const isNegative = ((trimmed[0] ?? 0) & 0x80) !== 0
  return derValue(tags.integer, isNegative ? Buffer.from([0]) : Buffer.alloc(0), trimmed)
}

/** BOOLEAN true. */
export function derTrue(): Uint8Array {
  return derValue(tags.boolean, Buffer.from([0xff]))
}

/** BIT STRING of whole bytes. */
export function derBitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return derValue(tags.bitString, Buffer.from([unusedBits]), bytes)
}

/** OCTET STRING. */
export function derOctetString(bytes: Uint8Array): Uint8Array {
  return derValue(tags.octetString, bytes)
}

/** UTF8String. */
export function derUtf8String(text: string): Uint8Array {
  return derValue(tags.utf8String, Buffer.from(text, 'utf8'))
}

/** GeneralizedTime to the second, in UTC. Units: ms since 1970. */
export function derTime(atMs: number): Uint8Array {
  const text = new Date(atMs).toISOString().replace(/[-:T]|\.\d+/g, '')
  return derValue(tags.generalizedTime, Buffer.from(text, 'latin1'))
}

/** OBJECT IDENTIFIER from dotted text. Source: X.690 §8.19. */
export function derObjectIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes: number[] = []
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc & 0x7f]
    for (let more = arc >>> 7; more > 0; more >>>= 7) groups.unshift((more & 0x7f) | 0x80)
    bytes.push(...groups)
  }
  return derValue(tags.objectIdentifier, Buffer.from(bytes))
}

/** Context-specific tag around a whole value. */
export function derExplicit(number: number, value: Uint8Array): Uint8Array {
  return derValue(0xa0 | number, value)
}

/** Context-specific primitive, as GeneralName uses it. */
export function derImplicit(number: number, bytes: Uint8Array): Uint8Array {
  return derValue(0x80 | number, bytes)
}
