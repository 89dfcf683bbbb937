import { Buffer } from 'node:buffer'
import { type SplicedChild, walkChildren } from './children.ts'
import { escapeXml } from './escape.ts'
import type { ScannedElement } from './events.ts'
import { isAscii, readTag, type Tag, type TagAttribute } from './root-tag.ts'

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

/** Sets and removes attributes of the root of canonical bytes; the rest stays byte for byte. */
export function insertRootAttributes(raw: Uint8Array, set: RootAttributes): Uint8Array {
  const tag = readTag(raw, 0)
  const pieces: Uint8Array[] = []
  let from = tag.nameEnd
  let added = ''
  for (const name in set) {
    const value = set[name]
    if (typeof value === 'string' && findAttribute(raw, tag, name) === undefined) added += attributeText(name, value)
  }
  for (const attribute of tag.attributes) {
    const name = nameAmong(raw, attribute, set)
    const value = name === undefined ? undefined : set[name]
    if (value === undefined || name === undefined) continue
    pieces.push(raw.subarray(from, attribute.start))
    if (value !== null) pieces.push(Buffer.from(attributeText(name, value)))
    from = attribute.valueEnd + 1
  }
  if (added === '' && pieces.length === 0) return raw
  return Buffer.concat([raw.subarray(0, tag.nameEnd), Buffer.from(added), ...pieces, raw.subarray(from)])
}

function attributeText(name: string, value: string): string {
  return ` ${name}='${escapeXml(value)}'`
}

function nameAmong(raw: Uint8Array, attribute: TagAttribute, set: RootAttributes): string | undefined {
  for (const name in set) if (isAscii(raw, attribute.nameStart, attribute.nameEnd, name)) return name
  return undefined
}

function findAttribute(raw: Uint8Array, tag: Tag, name: string): TagAttribute | undefined {
  return tag.attributes.find((attribute) => isAscii(raw, attribute.nameStart, attribute.nameEnd, name))
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
  const tag = readTag(raw, 0)
  if (findAttribute(raw, tag, 'xmlns') !== undefined) return raw
  return Buffer.concat([
    raw.subarray(0, tag.nameEnd),
    Buffer.from(attributeText('xmlns', namespace)),
    raw.subarray(tag.nameEnd),
  ])
}
