import assert from 'node:assert/strict'
import type { Jid } from '@starling/jid'
import { makeStanza, ns, type Stanza } from '@starling/stanza'
import { Element, isElement, readElement } from '@starling/xml'

/** The element of a text. Errors: throws when it is no XML. */
export function elementOfText(text: string): Element {
  const read = readElement(Buffer.from(text.trim()))
  if (!read.ok) throw new Error(`${read.error.condition}: ${text}`)
  return read.value
}

/** The stanza of a text, as if it had come through the gate. */
export function stanzaOfText(text: string): Stanza {
  const stanza = makeStanza(elementOfText(text))
  return { ...stanza, from: stanza.from as Jid | '' }
}

type Shape = readonly [name: string, attributes: Record<string, string>, ...children: (Shape | string)[]]

function shapeOf(element: Element): Shape {
  const attributes = Object.entries(element.attrs)
    .filter(([name]) => name !== 'xmlns' && !name.startsWith('xmlns:'))
    .map(([name, value]): [string, string] => [name, String(value)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const children: (Shape | string)[] = []
  for (const child of element.children as readonly (Element | string | number)[]) {
    if (typeof child === 'number') children.push(String(child))
    else if (isElement(child)) children.push(shapeOf(child))
    else if (child.trim() !== '') children.push(child)
  }
  return [`{${element.getNS() ?? ns.client}}${element.getName()}`, Object.fromEntries(attributes), ...children]
}

/** Asserts that a stanza, an element or bytes say what the text says: names, namespaces, attributes, children in order. */
export function sameXml(actual: Stanza | Element | Uint8Array | undefined, expected: string): void {
  assert.ok(actual !== undefined, 'nothing to compare')
  const element =
    actual instanceof Element
      ? actual
      : elementOfText(Buffer.from(actual instanceof Uint8Array ? actual : actual.raw).toString())
  assert.deepEqual(shapeOf(element), shapeOf(elementOfText(expected)))
}

/** Asserts that the header of a stanza is what its bytes say. */
export function sameHeader(stanza: Stanza): void {
  const read = makeStanza(elementOfText(Buffer.from(stanza.raw).toString()))
  assert.deepEqual({ ...stanza, raw: '' }, { ...read, raw: '' })
}
