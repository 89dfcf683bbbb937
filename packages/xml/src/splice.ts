import { Buffer } from 'node:buffer'
import { type SplicedChild, walkChildren } from './children.ts'
import { escapeXml } from './escape.ts'
import type { ScannedElement } from './events.ts'
import { AttributeCursor, isAscii, readTag, rootNameEnd } from './root-tag.ts'

/** Attributes to set on a root: a string sets or replaces, null removes, undefined leaves alone. */
export type RootAttributes = Readonly<Record<string, string | null | undefined>>

/** What a server stamps on a stanza. Source: RFC 6120 §8.1.2.1, §8.1.5. */
export type Stamp = { readonly from?: string | null; readonly to?: string | null; readonly lang?: string }

/** Makes the element's canonical bytes with the addresses and language the server vouches for. */
export function stamp(element: ScannedElement, set: Stamp): Uint8Array {
  return insertRootAttributes(element.raw, { from: set.from, to: set.to, 'xml:lang': set.lang })
}

/** Sets or (null) removes one attribute of the root of canonical bytes. */
export function setRootAttribute(raw: Uint8Array, name: string, value: string | null): Uint8Array {
  return insertRootAttributes(raw, { [name]: value })
}

/**
 * Sets and removes attributes of the root of canonical bytes; the rest stays byte for byte.
 * Order: what is set comes first in the tag.
 */
export function insertRootAttributes(raw: Uint8Array, set: RootAttributes): Uint8Array {
  const nameEnd = rootNameEnd(raw)
  let added = ''
  for (const name in set) {
    const value = set[name]
    if (typeof value === 'string') added += attributeText(name, value)
  }
  const gaps = findAttributes(raw, nameEnd, set)
  if (added === '' && gaps.length === 0) return raw
  return rebuilt(raw, { at: nameEnd, added, gaps })
}

/** Where the attributes that the record names stand, white space before them included: starts and ends in turn. */
function findAttributes(raw: Uint8Array, nameEnd: number, set: RootAttributes): readonly number[] {
  const gaps: number[] = []
  const cursor = new AttributeCursor(raw, nameEnd)
  while (cursor.next()) {
    for (const name in set) {
      if (set[name] === undefined || !isAscii(raw, cursor.nameStart, cursor.nameEnd, name)) continue
      gaps.push(cursor.start, cursor.valueEnd + 1)
    }
  }
  return gaps
}

type Change = { readonly at: number; readonly added: string; readonly gaps: readonly number[] }

/** Copies the bytes once, with text added at a place before all the gaps, and the gaps left out. */
function rebuilt(raw: Uint8Array, { at, added, gaps }: Change): Uint8Array {
  let size = raw.length + Buffer.byteLength(added)
  for (let i = 0; i < gaps.length; i += 2) size -= (gaps[i + 1] as number) - (gaps[i] as number)
  const out = Buffer.allocUnsafe(size)
  for (let i = 0; i < at; i++) out[i] = raw[i] as number
  let end = at + out.write(added, at)
  let from = at
  for (let i = 0; i < gaps.length; i += 2) {
    const to = gaps[i] as number
    for (let k = from; k < to; k++) out[end++] = raw[k] as number
    from = gaps[i + 1] as number
  }
  out.set(raw.subarray(from), end)
  return out
}

function attributeText(name: string, value: string): string {
  return ` ${name}='${escapeXml(value)}'`
}

/**
 * Adds children at the end of the root of canonical bytes.
 * Shape: the children are canonical too, and the root in jabber:client or they name their own namespaces.
 */
export function appendChildren(raw: Uint8Array, children: Uint8Array): Uint8Array {
  if (children.length === 0) return raw
  const tag = readTag(raw, 0)
  if (!tag.isEmpty) {
    const endTag = raw.lastIndexOf(0x3c)
    return Buffer.concat([raw.subarray(0, endTag), children, raw.subarray(endTag)])
  }
  return Buffer.concat([
    raw.subarray(0, tag.end - 2),
    Buffer.from('>'),
    children,
    Buffer.from('</'),
    raw.subarray(tag.nameStart, tag.nameEnd),
    Buffer.from('>'),
  ])
}

/** Takes the direct children the predicate names out of canonical bytes; the same bytes when there are none. */
export function removeChildren(raw: Uint8Array, predicate: (child: SplicedChild) => boolean): Uint8Array {
  const pieces: Uint8Array[] = []
  let from = 0
  walkChildren(raw, (child, start, end) => {
    if (!predicate(child)) return
    pieces.push(raw.subarray(from, start))
    from = end
  })
  return pieces.length === 0 ? raw : Buffer.concat([...pieces, raw.subarray(from)])
}

/** Names the default namespace on the root, where it names none: what WebSocket needs. Source: RFC 7395 §3.3.2. */
export function withNamespace(raw: Uint8Array, namespace: string): Uint8Array {
  const nameEnd = rootNameEnd(raw)
  const cursor = new AttributeCursor(raw, nameEnd)
  while (cursor.next()) if (isAscii(raw, cursor.nameStart, cursor.nameEnd, 'xmlns')) return raw
  return rebuilt(raw, { at: nameEnd, added: attributeText('xmlns', namespace), gaps: [] })
}
