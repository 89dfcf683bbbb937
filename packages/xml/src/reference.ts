import { isNcName, isXmlChar } from './chars.ts'

/** What a reference stands for: its text, or why it may not be used. */
export type Reference =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly condition: 'not-well-formed' | 'restricted-xml'; readonly text: string }

/** The longest reference the gate reads. Units: bytes, `&` and `;` included. Leading zeros have no other end. */
export const maxReferenceBytes = 32

const predefined: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['apos', "'"],
  ['quot', '"'],
])

/**
 * Resolves what stands between `&` and `;`.
 * Source: XML 1.0 §4.1, §4.6; RFC 6120 §11.1 (only the predefined entities).
 */
export function resolveReference(body: string): Reference {
  const entity = predefined.get(body)
  if (entity !== undefined) return { ok: true, text: entity }
  const digits = /^#(?:x([0-9A-Fa-f]+)|([0-9]+))$/.exec(body)
  if (digits !== null) {
    const codePoint = digits[1] === undefined ? Number.parseInt(digits[2] ?? '', 10) : Number.parseInt(digits[1], 16)
    if (isXmlChar(codePoint)) return { ok: true, text: String.fromCodePoint(codePoint) }
    return { ok: false, condition: 'not-well-formed', text: 'a character reference names no XML character' }
  }
  // RFC 6120 §11.1: an entity reference other than the predefined five
  if (isNcName(body)) return { ok: false, condition: 'restricted-xml', text: 'entity references are not allowed' }
  return { ok: false, condition: 'not-well-formed', text: 'a malformed reference' }
}

const anyReference = /&([^;]*);/g

/** Replaces the references of checked character data by what they stand for; an unknown one stays as it is. */
export function expandReferences(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(anyReference, (whole: string, body: string) => {
    const reference = resolveReference(body)
    return reference.ok ? reference.text : whole
  })
}
