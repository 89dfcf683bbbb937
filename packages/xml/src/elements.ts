import { createRecord } from './decode.ts'
import type { Attributes } from './events.ts'
import { attributeValue, declareNamespaces, resolvePrefix } from './namespaces.ts'
import { attributeFlag, attributeStride, type Scanner, scanState } from './scanner.ts'
import { clientNamespace, streamNamespace } from './stream-names.ts'

const pairwiseAttributes = 8

/** Takes in a whole start tag: namespaces, uniqueness, limits; then goes on inside the element, or past it. */
export function openTag(s: Scanner, isEmpty: boolean): undefined {
  const { frame } = s
  s.scopeDefault = frame === undefined ? s.context.defaultNamespace : frame.defaultNamespace
  s.scopeBindings = frame === undefined ? s.context.bindings : frame.bindings
  if (s.attributeCount > 0) {
    if (s.mayDeclare) declareNamespaces(s)
    if (s.fault === undefined) checkAttributes(s)
    if (s.fault !== undefined) return
  }
  const namespace = s.tagColon < 0 ? s.scopeDefault : prefixNamespace(s)
  if (namespace === undefined) return s.fail('not-well-formed', 'an element name with an unbound prefix')
  if (s.depth === 0) openRoot(s, canonicalNamespace(s, namespace))
  else openChild(s, namespace)
  if (s.fault !== undefined || s.isDone) return
  if (s.depth >= s.context.limits.maxDepth) return s.fail('policy-violation', 'elements are nested too deep')
  s.state = scanState.text
  if (isEmpty) {
    s.isDone = s.depth === 0
    return
  }
  s.depth++
  s.frame = {
    nameStart: s.tagStart,
    nameEnd: s.tagEnd,
    defaultNamespace: s.scopeDefault,
    bindings: s.scopeBindings,
    parent: frame,
  }
}

function prefixNamespace(s: Scanner): string | undefined {
  return resolvePrefix(s, s.context.names.decode(s.buffer, s.tagStart, s.tagColon))
}

/** The content namespace of the stream, whichever, is jabber:client in canonical bytes. */
function canonicalNamespace(s: Scanner, namespace: string): string {
  return namespace === s.context.contentNamespace ? clientNamespace : namespace
}

function localName(s: Scanner): string {
  return s.context.names.decode(s.buffer, s.tagColon < 0 ? s.tagStart : s.tagColon + 1, s.tagEnd)
}

function openRoot(s: Scanner, namespace: string): undefined {
  s.rootName = localName(s)
  s.rootNamespace = namespace
  s.rootNameEnd = s.tagEnd
  s.rootBindings = s.scopeBindings
  s.rootDefaultNamespace = s.scopeDefault
  if (s.attributeCount > 0) s.rootAttributes = readAttributes(s)
  if (s.isHeader) s.isDone = true
  // said at its '>': no end tag would come before the stream's own
  else if (namespace === streamNamespace && s.rootName === 'stream') s.fail('bad-format', 'a header inside a stream')
}

function openChild(s: Scanner, namespace: string): undefined {
  if (++s.children > s.context.limits.maxChildren) return s.fail('policy-violation', 'too many elements in a stanza')
  if (s.depth !== 1) return
  if (s.payloads.length >= s.context.limits.maxPayloads) return s.fail('policy-violation', 'too many payloads')
  s.payloads.push({ name: localName(s), namespace: canonicalNamespace(s, namespace) })
}

function readAttributes(s: Scanner): Attributes {
  const record = createRecord()
  const { attributes } = s
  const end = s.attributeCount * attributeStride
  for (let at = 0; at < end; at += attributeStride) {
    const flags = attributes[at + 5] as number
    if ((flags & attributeFlag.isDefaultDeclaration) !== 0) {
      s.rootDeclarationStart = at === 0 ? s.tagEnd : (attributes[at - 2] as number) + 1
      s.rootDeclarationEnd = (attributes[at + 4] as number) + 1
    }
    if ((flags & attributeFlag.isDeclaration) !== 0) continue
    const name = s.context.names.decode(s.buffer, attributes[at] as number, attributes[at + 1] as number)
    record[name] = attributeValue(s, at)
  }
  return record
}

/** Source: XML 1.0 §3.1 Unique Att Spec; Namespaces in XML §6.3 (unique by expanded name too). */
function checkAttributes(s: Scanner): undefined {
  if (hasDuplicateNames(s)) return s.fail('not-well-formed', 'an attribute given twice')
  if (!s.hasColon) return
  const { attributes } = s
  const end = s.attributeCount * attributeStride
  let expanded: Set<string> | undefined
  for (let at = 0; at < end; at += attributeStride) {
    const colon = attributes[at + 2] as number
    if (colon < 0 || ((attributes[at + 5] as number) & attributeFlag.isDeclaration) !== 0) continue
    const prefix = s.context.names.decode(s.buffer, attributes[at] as number, colon)
    const namespace = resolvePrefix(s, prefix)
    if (namespace === undefined) return s.fail('not-well-formed', 'an attribute name with an unbound prefix')
    if (s.attributeCount === 1) return
    const local = s.context.names.decode(s.buffer, colon + 1, attributes[at + 1] as number)
    expanded ??= new Set()
    const count = expanded.size
    // no name holds a space, so the pair is told apart
    if (expanded.add(`${local} ${namespace}`).size === count) {
      return s.fail('not-well-formed', 'two attributes with the same expanded name')
    }
  }
}

function hasDuplicateNames(s: Scanner): boolean {
  const { attributeCount } = s
  if (attributeCount === 1) return false
  if (attributeCount > pairwiseAttributes) return hasDuplicateNamesAmongMany(s)
  const end = attributeCount * attributeStride
  for (let one = attributeStride; one < end; one += attributeStride) {
    for (let other = 0; other < one; other += attributeStride) if (isSameAttribute(s, one, other)) return true
  }
  return false
}

function isSameAttribute(s: Scanner, one: number, other: number): boolean {
  const { attributes, buffer } = s
  const start = attributes[one] as number
  const length = (attributes[one + 1] as number) - start
  const otherStart = attributes[other] as number
  if ((attributes[other + 1] as number) - otherStart !== length) return false
  for (let i = 0; i < length; i++) if (buffer[start + i] !== buffer[otherStart + i]) return false
  return true
}

function hasDuplicateNamesAmongMany(s: Scanner): boolean {
  const seen = new Set<string>()
  for (let at = 0; at < s.attributeCount * attributeStride; at += attributeStride) {
    seen.add(s.context.names.decode(s.buffer, s.attributes[at] as number, s.attributes[at + 1] as number))
  }
  return seen.size !== s.attributeCount
}

/** Takes in a whole end tag whose name has been compared; the stream's own end is the gate's to judge. */
export function closeTag(s: Scanner): void {
  if (s.frame === undefined) {
    s.isStreamEnd = true
    s.isDone = true
    return
  }
  s.frame = s.frame.parent
  s.depth--
  s.isDone = s.depth === 0
  s.state = scanState.text
}
