// Control envelopes are rare: JSON serves them, with bytes as {"$b": base64}.
const mark = '$b'
const quotedMark = JSON.stringify(mark)

/** Encodes a head: JSON in UTF-8 whose Uint8Arrays are marked. */
export function encodeJson(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(holdsBytes(value) ? withMarks(value) : value) ?? 'null', 'utf8')
}

/** Decodes a head. Errors: undefined when it is no JSON. */
export function decodeJson(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  try {
    // A reviver makes parsing several times dearer, and few heads hold bytes
    return text.includes(quotedMark) ? JSON.parse(text, withoutMarks) : JSON.parse(text)
  } catch {
    return undefined
  }
}

function holdsBytes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (value instanceof Uint8Array) return true
  return Array.isArray(value) ? value.some(holdsBytes) : Object.values(value).some(holdsBytes)
}

function withMarks(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return { [mark]: Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64') }
  }
  if (Array.isArray(value)) return value.map(withMarks)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withMarks(inner)]))
  }
  return value
}

function withoutMarks(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !(mark in value)) return value
  const text = value[mark]
  return typeof text === 'string' && Object.keys(value).length === 1
    ? new Uint8Array(Buffer.from(text, 'base64'))
    : value
}
