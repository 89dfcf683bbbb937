import { Buffer, isUtf8 } from 'node:buffer'
import { decodeUtf8 } from './decode.ts'
import { escapeXml } from './escape.ts'
import type { ScannedElement } from './events.ts'
import type { Scanner } from './scanner.ts'

/** Checks what only the whole element can tell: that it is UTF-8, without the two code points XML leaves out. */
export function checkEncoding(s: Scanner): undefined {
  if (s.bits < 0x80) return
  const slice = s.buffer.subarray(s.base, s.position)
  // RFC 6120 §11.6
  if (!isUtf8(slice)) return s.fail('not-well-formed', 'not UTF-8')
  for (let at = slice.indexOf(0xef); at >= 0; at = slice.indexOf(0xef, at + 3)) {
    // XML 1.0 §2.2: U+FFFE and U+FFFF are no characters
    if (slice[at + 1] === 0xbf && (slice[at + 2] as number) >= 0xbe) {
      return s.fail('not-well-formed', 'U+FFFE or U+FFFF')
    }
  }
}

/** Makes the finished element's event value; canonical bytes are a view where nothing has to change. */
export function buildElement(s: Scanner): ScannedElement {
  return {
    name: s.rootName,
    namespace: s.rootNamespace,
    attributes: s.rootAttributes,
    payloads: s.payloads,
    raw: canonicalBytes(s),
  }
}

function canonicalBytes(s: Scanner): Uint8Array {
  const { buffer, base, position, rootDeclarationStart, rootDeclarationEnd } = s
  const hasDeclaration = rootDeclarationStart >= 0
  const isContent = s.rootDefaultNamespace === s.context.contentNamespace
  const isRemoved = hasDeclaration && isContent
  const isAdded = !hasDeclaration && !isContent
  if (!isRemoved && !isAdded && s.headerBindingsUsed === undefined) return buffer.subarray(base, position)
  let added = isAdded ? ` xmlns='${escapeXml(s.rootDefaultNamespace)}'` : ''
  for (const { prefix, uri } of s.headerBindingsUsed ?? []) added += ` xmlns:${prefix}='${escapeXml(uri)}'`
  const from = isRemoved ? rootDeclarationStart : s.rootNameEnd
  const to = isRemoved ? rootDeclarationEnd : s.rootNameEnd
  return Buffer.concat([
    buffer.subarray(base, s.rootNameEnd),
    Buffer.from(added),
    buffer.subarray(s.rootNameEnd, from),
    buffer.subarray(to, position),
  ])
}

/** The qualified name of the root as it was written. */
export function qualifiedRootName(s: Scanner): string {
  return decodeUtf8(s.buffer, s.tagStart, s.rootNameEnd)
}
