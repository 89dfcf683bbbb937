import { decodeUtf8, decodeValue } from './decode.ts'
import { attributeFlag, attributeStride, type Binding, type Scanner } from './scanner.ts'

/** The namespaces no prefix need be declared for. Source: Namespaces in XML §3. */
export const xmlNamespace = 'http://www.w3.org/XML/1998/namespace'
const xmlnsNamespace = 'http://www.w3.org/2000/xmlns/'

/** The text of a fault that strict parsers are divided on. */
export const blankNamespace = 'white space around a namespace name'

const wordBytes = 6
const xmlnsLength = 5

/** Says whether the five bytes are `xmlns`, the first of which is known to be an x. */
function isXmlns(buffer: Uint8Array, start: number): boolean {
  return (
    buffer[start + 1] === 0x6d && buffer[start + 2] === 0x6c && buffer[start + 3] === 0x6e && buffer[start + 4] === 0x73
  )
}

/** Decodes the value of the attribute whose numbers begin at `at`. */
export function attributeValue(s: Scanner, at: number): string {
  const start = s.attributes[at + 3] as number
  const end = s.attributes[at + 4] as number
  const needsDecoding = ((s.attributes[at + 5] as number) & attributeFlag.needsDecoding) !== 0
  if (needsDecoding) return decodeValue(s.buffer, start, end)
  // short values are words of the protocol: types, versions
  return end - start <= wordBytes ? s.context.names.decode(s.buffer, start, end) : decodeUtf8(s.buffer, start, end)
}

function declaredUri(s: Scanner, at: number): string {
  const needsDecoding = ((s.attributes[at + 5] as number) & attributeFlag.needsDecoding) !== 0
  if (needsDecoding) return attributeValue(s, at)
  return s.context.names.decode(s.buffer, s.attributes[at + 3] as number, s.attributes[at + 4] as number)
}

/** Takes in the namespace declarations of a start tag, and marks them among its attributes. */
export function declareNamespaces(s: Scanner): undefined {
  const { attributes, buffer } = s
  const end = s.attributeCount * attributeStride
  for (let at = 0; at < end; at += attributeStride) {
    const start = attributes[at] as number
    if (buffer[start] !== 0x78) continue
    const colon = attributes[at + 2] as number
    const prefixEnd = colon < 0 ? (attributes[at + 1] as number) : colon
    if (prefixEnd - start !== xmlnsLength || !isXmlns(buffer, start)) continue
    attributes[at + 5] = (attributes[at + 5] as number) | attributeFlag.isDeclaration
    if (++s.declarations > s.context.limits.maxNamespaceDeclarations) {
      return s.fail('policy-violation', 'too many namespace declarations')
    }
    const uri = declaredUri(s, at)
    // Namespaces in XML §3: a namespace name is a URI reference; some parsers trim it and would read another name
    if (uri.trim().length !== uri.length) return s.fail('not-well-formed', blankNamespace)
    if (colon < 0) declareDefault(s, { at, uri })
    else declarePrefix(s, { at, uri })
    if (s.fault !== undefined) return
  }
}

type Declaration = { readonly at: number; readonly uri: string }

function declareDefault(s: Scanner, { at, uri }: Declaration): void {
  s.attributes[at + 5] = (s.attributes[at + 5] as number) | attributeFlag.isDefaultDeclaration
  if (uri === xmlNamespace || uri === xmlnsNamespace) s.fail('not-well-formed', 'a reserved namespace as default')
  s.scopeDefault = uri
}

// Namespaces in XML §3 (reserved prefixes and names), §5 (no undeclaring of prefixes in version 1.0)
function declarePrefix(s: Scanner, { at, uri }: Declaration): undefined {
  const prefix = s.context.names.decode(s.buffer, (s.attributes[at + 2] as number) + 1, s.attributes[at + 1] as number)
  const isReserved = prefix === 'xmlns' || uri === xmlnsNamespace || (prefix === 'xml') !== (uri === xmlNamespace)
  if (isReserved) return s.fail('not-well-formed', 'a reserved prefix or namespace in a declaration')
  if (uri === '') return s.fail('not-well-formed', 'a prefix bound to no namespace')
  s.scopeBindings = { prefix, uri, next: s.scopeBindings, isFromHeader: s.isHeader }
}

/** Finds the namespace of a prefix; undefined when nothing binds it. */
export function resolvePrefix(s: Scanner, prefix: string): string | undefined {
  if (prefix === 'xml') return xmlNamespace
  for (let binding = s.scopeBindings; binding !== undefined; binding = binding.next) {
    if (binding.prefix !== prefix) continue
    if (binding.isFromHeader && !s.isHeader) noteHeaderBinding(s, binding)
    return binding.uri
  }
  return undefined
}

function noteHeaderBinding(s: Scanner, binding: Binding): void {
  s.headerBindingsUsed ??= []
  if (!s.headerBindingsUsed.includes(binding)) s.headerBindingsUsed.push(binding)
}
