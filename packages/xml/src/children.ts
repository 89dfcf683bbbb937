import { createRecord, decodeUtf8, decodeValue } from './decode.ts'
import type { Attributes } from './events.ts'
import { xmlNamespace } from './namespaces.ts'
import { isAscii, readTag, type Tag } from './root-tag.ts'
import { clientNamespace } from './stream-names.ts'

/** A direct child, as a predicate sees it. */
export type SplicedChild = { readonly name: string; readonly namespace: string; readonly attributes: Attributes }

const lessThan = 0x3c
const slash = 0x2f
const exclamation = 0x21

function isCdataEnd(raw: Uint8Array, at: number): boolean {
  return raw[at - 1] === 0x5d && raw[at - 2] === 0x5d
}

function afterCdata(raw: Uint8Array, from: number): number {
  for (let at = raw.indexOf(0x3e, from); at >= 0; at = raw.indexOf(0x3e, at + 1)) if (isCdataEnd(raw, at)) return at + 1
  return raw.length
}

function afterEndTag(raw: Uint8Array, from: number): number {
  const end = raw.indexOf(0x3e, from)
  return end < 0 ? raw.length : end + 1
}

/** Tells of each direct child of the root of canonical bytes, with the range of its bytes. */
export function walkChildren(raw: Uint8Array, visit: (child: SplicedChild, start: number, end: number) => void): void {
  const root = readTag(raw, 0)
  if (root.isEmpty) return
  const scope = declaredIn(raw, root)
  let depth = 0
  let start = 0
  let tag = root
  let at = raw.indexOf(lessThan, root.end)
  while (at >= 0) {
    let next: number
    if (raw[at + 1] === exclamation) next = afterCdata(raw, at)
    else if (raw[at + 1] === slash) {
      next = afterEndTag(raw, at)
      depth--
      if (depth < 0) return
      if (depth === 0) visit(describe(raw, tag, scope), start, next)
    } else {
      const open = readTag(raw, at)
      next = open.end
      if (depth === 0) {
        start = at
        tag = open
        if (open.isEmpty) visit(describe(raw, tag, scope), start, next)
      }
      if (!open.isEmpty) depth++
    }
    at = raw.indexOf(lessThan, next)
  }
}

type Declared = Readonly<Record<string, string>>

/** Namespaces by the name of the attribute that declares them: `xmlns`, `xmlns:prefix`. */
function declaredIn(raw: Uint8Array, tag: Tag): Declared {
  const declared = createRecord()
  for (const { nameStart, nameEnd, valueStart, valueEnd } of tag.attributes) {
    if (!isAscii(raw, nameStart, Math.min(nameEnd, nameStart + 5), 'xmlns')) continue
    declared[decodeUtf8(raw, nameStart, nameEnd)] = decodeValue(raw, valueStart, valueEnd)
  }
  return declared
}

function describe(raw: Uint8Array, tag: Tag, scope: Declared): SplicedChild {
  const name = decodeUtf8(raw, tag.nameStart, tag.nameEnd)
  const colon = name.indexOf(':')
  const key = colon < 0 ? 'xmlns' : `xmlns:${name.slice(0, colon)}`
  const own = declaredIn(raw, tag)
  const fallback = key === 'xmlns' ? clientNamespace : key === 'xmlns:xml' ? xmlNamespace : ''
  const attributes = createRecord()
  for (const { nameStart, nameEnd, valueStart, valueEnd } of tag.attributes) {
    const attribute = decodeUtf8(raw, nameStart, nameEnd)
    if (attribute === 'xmlns' || attribute.startsWith('xmlns:')) continue
    attributes[attribute] = decodeValue(raw, valueStart, valueEnd)
  }
  return { name: name.slice(colon + 1), namespace: own[key] ?? scope[key] ?? fallback, attributes }
}
