import { type Attrs, xml as build, Element, type Node } from '@xmpp/xml'
import { decodeText, decodeUtf8 } from './decode.ts'
import { expandReferences } from './reference.ts'
import { clientNamespace } from './stream-names.ts'

/** What `xml` takes as attributes and as children. */
export type { Attrs as ElementAttributes, Node as ElementNode }
export { Element }

/** Builds an element: `xml('body', { 'xml:lang': 'en' }, 'hello')`; undefined and null attributes are left out. */
export function xml(name: string, attributes?: Attrs | string | null, ...children: readonly Node[]): Element {
  // the builder changes the record it is given
  const own = typeof attributes === 'object' && attributes !== null ? { ...attributes } : attributes
  return build(name, own, ...children)
}

/** Says whether a child of an element is an element, not text. */
export function isElement(child: Element | string): child is Element {
  return typeof child !== 'string'
}

const cdataStart = '<![CDATA['
const decodable = /[&\t\r\n]/

type Cursor = { at: number }

function isSpace(code: number): boolean {
  return code === 0x20 || (code <= 0x0d && code >= 0x09)
}

function endOfName(source: string, from: number): number {
  let at = from
  for (; at < source.length; at++) {
    const code = source.charCodeAt(at)
    // '=', '/', '>'
    if (code <= 0x20 || code === 0x3d || code === 0x2f || code === 0x3e) break
  }
  return at
}

function skipSpace(source: string, from: number): number {
  let at = from
  while (isSpace(source.charCodeAt(at))) at++
  return at
}

/** Reads a start tag up to its `>` or `/`. */
function readStartTag(source: string, cursor: Cursor): Element {
  let at = endOfName(source, cursor.at)
  const element = new Element(source.slice(cursor.at, at))
  const { attrs } = element
  for (;;) {
    const nameStart = skipSpace(source, at)
    const nameEnd = endOfName(source, nameStart)
    const equals = skipSpace(source, nameEnd)
    if (nameEnd === nameStart || source[equals] !== '=') break
    const open = skipSpace(source, equals + 1)
    const quote = source[open]
    const close = quote === '"' || quote === "'" ? source.indexOf(quote, open + 1) : -1
    if (close < 0) break
    const value = source.slice(open + 1, close)
    attrs[source.slice(nameStart, nameEnd)] = decodable.test(value) ? normalized(value) : value
    at = close + 1
  }
  cursor.at = at
  return element
}

function normalized(value: string): string {
  return expandReferences(value.replace(/\r\n|[\t\r\n]/g, ' '))
}

function appendText(parent: Element | undefined, text: string): void {
  if (parent === undefined || text === '') return
  const { children } = parent
  const last = children.at(-1)
  if (typeof last === 'string') children[children.length - 1] = last + text
  else children.push(text)
}

function after(source: string, mark: string, from: number): number {
  const found = source.indexOf(mark, from)
  return found < 0 ? source.length : found + mark.length
}

/**
 * Makes the element tree of canonical bytes; the root names its namespace, jabber:client where the bytes leave it out.
 * Errors: none, whatever the bytes are; but only bytes that passed the gate give their own tree (else: readElement).
 */
export function parseElement(raw: Uint8Array): Element {
  const source = decodeUtf8(raw, 0, raw.length)
  let root: Element | undefined
  let current: Element | undefined
  const cursor: Cursor = { at: 0 }
  while (cursor.at < source.length) {
    const open = source.indexOf('<', cursor.at)
    if (open < 0) break
    appendText(current, decodeText(source.slice(cursor.at, open)))
    if (source.startsWith(cdataStart, open)) {
      cursor.at = after(source, ']]>', open)
      appendText(current, source.slice(open + cdataStart.length, cursor.at - 3).replace(/\r\n?/g, '\n'))
    } else if (source[open + 1] === '/') {
      cursor.at = after(source, '>', open)
      current = current?.parent ?? undefined
      if (current === undefined) break
    } else {
      cursor.at = open + 1
      const element = readStartTag(source, cursor)
      const close = after(source, '>', cursor.at)
      const isEmpty = source[close - 2] === '/'
      cursor.at = close
      if (current === undefined) root = element
      else current.cnode(element)
      if (!isEmpty) current = element
      else if (current === undefined) break
    }
  }
  root ??= new Element('invalid', { xmlns: 'urn:starling:invalid' })
  root.attrs['xmlns'] ??= clientNamespace
  return root
}
