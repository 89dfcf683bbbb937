import { Buffer } from 'node:buffer'
import type { Element } from '@xmpp/xml'
import { escapeText, escapeXml } from './escape.ts'
import { clientNamespace } from './stream-names.ts'

/**
 * Writes an element as canonical bytes: jabber:client is left out at the root, and what the root inherits from the
 * elements around it is written on it.
 */
export function serializeElement(element: Element): Uint8Array {
  return Buffer.from(serializeToString(element))
}

/** The same as text. */
export function serializeToString(element: Element): string {
  const namespace = element.findNS()
  let extra = ''
  if (element.attrs['xmlns'] === undefined && namespace !== undefined && namespace !== clientNamespace) {
    extra = ` xmlns='${escapeXml(namespace)}'`
  }
  return write(element, extra + inheritedPrefixes(element), true)
}

function inheritedPrefixes(element: Element): string {
  const seen = new Set(Object.keys(element.attrs))
  let written = ''
  for (let parent = element.parent; parent !== null; parent = parent.parent) {
    for (const [name, value] of Object.entries(parent.attrs)) {
      if (!name.startsWith('xmlns:') || seen.has(name)) continue
      seen.add(name)
      written += ` ${name}='${escapeXml(value)}'`
    }
  }
  return written
}

function write(element: Element, extra: string, isRoot: boolean): string {
  let text = `<${element.name}${extra}`
  for (const name in element.attrs) {
    const value: unknown = element.attrs[name]
    if (value === undefined || value === null) continue
    if (isRoot && name === 'xmlns' && value === clientNamespace) continue
    text += ` ${name}='${escapeXml(String(value))}'`
  }
  if (element.children.length === 0) return `${text}/>`
  text += '>'
  for (const child of element.children as readonly unknown[]) {
    if (child === null || child === undefined) continue
    text += isNode(child) ? write(child, '', false) : escapeText(String(child))
  }
  return `${text}</${element.name}>`
}

function isNode(child: unknown): child is Element {
  return typeof child === 'object' && child !== null && 'children' in child
}
