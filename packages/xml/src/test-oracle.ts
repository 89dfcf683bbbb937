import { Buffer, isUtf8 } from 'node:buffer'
import { SaxesParser, type SaxesTagNS } from 'saxes'

/** What XML means, without how it was written: name, namespace, attributes by expanded name, children in order. */
export type Infoset = {
  readonly name: string
  readonly attributes: readonly string[]
  readonly children: (Infoset | string)[]
}

/** What a strict reference parser says of a stream: the first-level elements before the first error. */
export type OracleVerdict = {
  readonly elements: readonly Infoset[]
  readonly error: string | undefined
  readonly isClosed: boolean
}

const xmlnsNamespace = 'http://www.w3.org/2000/xmlns/'

function infosetOf(tag: SaxesTagNS): Infoset {
  const attributes = Object.values(tag.attributes)
    .filter((attribute) => attribute.uri !== xmlnsNamespace)
    .map((attribute) => `{${attribute.uri}}${attribute.local}=${attribute.value}`)
  return { name: `{${tag.uri}}${tag.local}`, attributes: attributes.sort(), children: [] }
}

/** Parses a stream with saxes in namespace mode. Source: XML 1.0; Namespaces in XML 1.0. */
export function consultOracle(bytes: Uint8Array): OracleVerdict {
  const parser = new SaxesParser({ xmlns: true, position: false })
  const elements: Infoset[] = []
  const open: Infoset[] = []
  let error: string | undefined
  let isClosed = false
  const append = (text: string) => {
    const children = open.at(-1)?.children
    if (error !== undefined || children === undefined || open.length < 2 || text === '') return
    const last = children.at(-1)
    if (typeof last === 'string') children[children.length - 1] = last + text
    else children.push(text)
  }
  parser.on('error', (problem) => {
    error ??= problem.message
  })
  parser.on('opentag', (tag) => {
    const infoset = infosetOf(tag)
    if (open.length > 1) open.at(-1)?.children.push(infoset)
    open.push(infoset)
  })
  parser.on('closetag', () => {
    const infoset = open.pop()
    if (error !== undefined || infoset === undefined) return
    if (open.length === 1) elements.push(infoset)
    isClosed = open.length === 0
  })
  parser.on('text', append)
  parser.on('cdata', append)
  if (!isUtf8(bytes)) error = 'not UTF-8'
  parser.write(Buffer.from(bytes).toString())
  return { elements, error, isClosed }
}

/** The infoset of canonical bytes, read under the default namespace they are canonical for. */
export function canonicalInfoset(raw: Uint8Array): Infoset | string {
  const wrapped = Buffer.concat([Buffer.from("<x xmlns='jabber:client'>"), raw, Buffer.from('</x>')])
  const { elements, error, isClosed } = consultOracle(wrapped)
  return elements[0] !== undefined && elements.length === 1 && isClosed ? elements[0] : (error ?? 'not one element')
}
