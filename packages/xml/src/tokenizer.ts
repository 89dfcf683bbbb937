import { byteClass, byteClasses } from './chars.ts'
import { decodeUtf8 } from './decode.ts'
import { readWholeTag } from './fast-tag.ts'
import { maxReferenceBytes, resolveReference } from './reference.ts'
import { attributeFlag, type Scanner, scanState } from './scanner.ts'
import { readTag } from './tag.ts'

const lessThan = 0x3c
const greaterThan = 0x3e
const ampersand = 0x26
const semicolon = 0x3b
const hash = 0x23
const closingBracket = 0x5d
const cdataStart: readonly number[] = Array.from('[CDATA[', (char) => char.charCodeAt(0))
const maxDeclarationBytes = 256

/**
 * Reads bytes up to `end`, or until the element is done or at fault.
 * Order: each byte is looked at once, whatever the chunks, so the outcome does not depend on how they were cut.
 * Source: XML 1.0 §2, §3; RFC 6120 §11.1, §11.3.
 */
export function scan(s: Scanner, end: number): void {
  while (s.position < end && !s.isDone && s.fault === undefined) {
    switch (s.state) {
      case scanState.text:
        text(s, end)
        break
      case scanState.between:
        s.position++
        s.state = scanState.lessThan
        break
      case scanState.lessThan:
        if (!readWholeTag(s, end)) afterLessThan(s, s.buffer[s.position] as number)
        break
      case scanState.value:
        value(s, end)
        break
      case scanState.cdata:
        cdata(s, end)
        break
      case scanState.reference:
        reference(s, end)
        break
      case scanState.bang:
        bang(s, s.buffer[s.position] as number)
        break
      case scanState.declaration:
        declaration(s, s.buffer[s.position] as number)
        break
      default:
        readTag(s, end)
    }
  }
}

function failForbidden(s: Scanner): undefined {
  s.fail('not-well-formed', 'a control character that XML forbids')
}

function text(s: Scanner, end: number): void {
  const buffer = s.buffer
  const classes = byteClasses
  let bits = s.bits
  let at = s.position
  for (; at < end; at++) {
    const byte = buffer[at] as number
    bits |= byte
    // letters, which most bytes are, stand above every byte that could end the run
    if (byte <= greaterThan && ((classes[byte] as number) & byteClass.textStop) !== 0) {
      if (byte !== greaterThan) break
      // XML 1.0 §2.4: ']]>' must not stand in character data; markup before it ends in '>', so both are data
      if (buffer[at - 1] === closingBracket && buffer[at - 2] === closingBracket) break
    }
  }
  s.bits = bits
  s.position = at + 1
  if (at === end) {
    s.position = end
    return
  }
  const byte = buffer[at]
  if (byte === lessThan) s.state = scanState.lessThan
  else if (byte === ampersand) beginReference(s, scanState.text)
  else if (byte === greaterThan) s.fail('not-well-formed', "']]>' in character data")
  else failForbidden(s)
}

function afterLessThan(s: Scanner, byte: number): void {
  if (((byteClasses[byte] as number) & byteClass.nameStart) !== 0) {
    s.nameStart = s.position
    s.colon = -1
    s.nameBits = 0
    s.beginTag()
    s.state = scanState.startName
    return
  }
  s.position++
  if (byte === 0x2f) {
    s.nameStart = s.position
    s.colon = -1
    s.nameBits = 0
    s.state = scanState.endName
  } else if (byte === 0x21) {
    s.matched = 0
    s.state = scanState.bang
  } else if (byte !== 0x3f) s.fail('not-well-formed', "a name expected after '<'")
  // RFC 6120 §11.1: no processing instructions; §11.5: the XML declaration may come before the header
  else if (s.isDeclarationAllowed) s.state = scanState.declaration
  else s.fail('restricted-xml', 'processing instructions are not allowed')
}

function bang(s: Scanner, byte: number): void {
  s.position++
  if (byte === cdataStart[s.matched]) {
    s.matched++
    if (s.matched < cdataStart.length) return
    s.state = scanState.cdata
    if (s.depth === 0) s.fail('bad-format', 'character data outside of a stanza')
  } else if (s.matched === 0 && byte === 0x2d) s.fail('restricted-xml', 'comments are not allowed')
  else if (s.matched === 0 && byte === 0x44) s.fail('restricted-xml', 'document types are not allowed')
  else s.fail('not-well-formed', "unknown markup after '<!'")
}

function cdata(s: Scanner, end: number): void {
  const buffer = s.buffer
  const classes = byteClasses
  let bits = s.bits
  let at = s.position
  for (; at < end; at++) {
    const byte = buffer[at] as number
    bits |= byte
    const isEnd = byte === greaterThan && buffer[at - 1] === closingBracket && buffer[at - 2] === closingBracket
    if (isEnd || ((classes[byte] as number) & byteClass.forbidden) !== 0) break
  }
  s.bits = bits
  s.position = at
  if (at === end) return
  s.position = at + 1
  if (buffer[at] === greaterThan) s.state = scanState.text
  else failForbidden(s)
}

function value(s: Scanner, end: number): void {
  const buffer = s.buffer
  const quote = s.quote
  let bits = s.bits
  let at = s.position
  let stop = -1
  for (; at < end; at++) {
    const byte = buffer[at] as number
    bits |= byte
    const flags = byteClasses[byte] as number
    if ((flags & byteClass.valueStop) === 0) continue
    stop = byte
    if (byte === quote || byte === ampersand || byte === lessThan || (flags & byteClass.forbidden) !== 0) break
    if ((flags & byteClass.space) !== 0) s.valueFlags = attributeFlag.needsDecoding
    stop = -1
  }
  s.bits = bits
  s.position = at
  if (stop < 0) return
  s.position = at + 1
  if (stop === quote) {
    s.endAttribute(at)
    s.state = scanState.tag
  } else if (stop === ampersand) {
    s.valueFlags = attributeFlag.needsDecoding
    beginReference(s, scanState.value)
  } else if (stop === lessThan) s.fail('not-well-formed', "'<' in an attribute value")
  else failForbidden(s)
}

function beginReference(s: Scanner, back: number): undefined {
  s.referenceStart = s.position
  s.referenceReturn = back
  s.state = scanState.reference
}

function reference(s: Scanner, end: number): undefined {
  const buffer = s.buffer
  const classes = byteClasses
  for (let at = s.position; at < end; at++) {
    const byte = buffer[at] as number
    if (byte === semicolon) {
      s.position = at + 1
      s.state = s.referenceReturn
      const resolved = resolveReference(decodeUtf8(buffer, s.referenceStart, at))
      if (!resolved.ok) s.fail(resolved.condition, resolved.text)
      return
    }
    s.bits |= byte
    if (byte !== hash && ((classes[byte] as number) & byteClass.name) === 0) {
      return s.fail('not-well-formed', "'&' begins no reference")
    }
    // '&' and ';' count too
    if (at - s.referenceStart + 3 > maxReferenceBytes) return s.fail('policy-violation', 'a reference is too long')
  }
  s.position = end
}

const declarationPattern =
  /^<\?xml\s+version\s*=\s*(["'])1\.0\1(?:\s+encoding\s*=\s*(["'])([A-Za-z][A-Za-z0-9._-]*)\2)?(?:\s+standalone\s*=\s*(["'])(?:yes|no)\4)?\s*\?>$/

function declaration(s: Scanner, byte: number): undefined {
  s.position++
  const length = s.position - s.base
  if (length > maxDeclarationBytes) return s.fail('not-well-formed', 'a malformed XML declaration')
  if (byte !== greaterThan || s.buffer[s.position - 2] !== 0x3f || length < 4) return
  const whole = decodeUtf8(s.buffer, s.base, s.position)
  const parts = declarationPattern.exec(whole)
  if (parts === null) {
    if (/^<\?xml\s/.test(whole)) return s.fail('not-well-formed', 'a malformed XML declaration')
    return s.fail('restricted-xml', 'processing instructions are not allowed')
  }
  // RFC 6120 §11.6: UTF-8 only
  if (parts[3] !== undefined && parts[3].toLowerCase() !== 'utf-8') {
    return s.fail('unsupported-encoding', 'streams are in UTF-8')
  }
  s.isDone = true
}
