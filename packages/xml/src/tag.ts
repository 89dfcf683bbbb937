import { byteClass, byteClasses, isNcName } from './chars.ts'
import { decodeUtf8 } from './decode.ts'
import { closeTag, openTag } from './elements.ts'
import { type Scanner, scanState } from './scanner.ts'

const greaterThan = 0x3e
const slash = 0x2f
const equals = 0x3d
const colonByte = 0x3a

/** Reads on inside a start or end tag. Source: XML 1.0 §3.1; Namespaces in XML §4. */
export function readTag(s: Scanner, end: number): undefined {
  switch (s.state) {
    case scanState.startName:
      return startName(s, end)
    case scanState.attributeName:
      return attributeName(s, end)
    case scanState.endName:
      return endName(s, end)
    case scanState.tagSpace:
      return tagSpace(s, end)
    default:
      return oneByte(s, s.buffer[s.position++] as number)
  }
}

function isSpace(byte: number): boolean {
  return ((byteClasses[byte] as number) & byteClass.space) !== 0
}

function oneByte(s: Scanner, byte: number): undefined {
  switch (s.state) {
    case scanState.tag:
      if (isSpace(byte)) s.state = scanState.tagSpace
      else if (byte === greaterThan) openTag(s, false)
      else if (byte === slash) s.state = scanState.emptyTag
      else s.fail('not-well-formed', 'white space expected in a tag')
      return
    case scanState.beforeEquals:
      if (byte === equals) s.state = scanState.beforeValue
      else if (!isSpace(byte)) s.fail('not-well-formed', "'=' expected after an attribute name")
      return
    case scanState.beforeValue:
      if (byte === 0x22 || byte === 0x27) {
        s.quote = byte
        s.valueStart = s.position
        s.valueFlags = 0
        s.state = scanState.value
      } else if (!isSpace(byte)) s.fail('not-well-formed', 'a quoted attribute value expected')
      return
    case scanState.emptyTag:
      if (byte === greaterThan) openTag(s, true)
      else s.fail('not-well-formed', "'>' expected after '/'")
      return
    default:
      if (byte === greaterThan) closeTag(s)
      else if (!isSpace(byte)) s.fail('not-well-formed', "'>' expected in an end tag")
  }
}

/** Reads on in a name; says whether it ended before `end`. */
function scanName(s: Scanner, end: number): boolean {
  const buffer = s.buffer
  const classes = byteClasses
  let at = s.position
  let bits = s.nameBits
  for (; at < end; at++) {
    const byte = buffer[at] as number
    if (((classes[byte] as number) & byteClass.name) === 0) break
    if (byte === colonByte && s.colon < 0) s.colon = at
    bits |= byte
  }
  s.nameBits = bits
  s.position = at
  return at < end
}

/** Judges the whole name before `position`. Source: Namespaces in XML §4 QName. */
function isQName(s: Scanner): boolean {
  const { buffer, nameStart, colon } = s
  const end = s.position
  s.bits |= s.nameBits
  if (s.nameBits >= 0x80) {
    const parts = decodeUtf8(buffer, nameStart, end).split(':')
    return parts.length <= 2 && parts.every(isNcName)
  }
  if (colon < 0) return true
  // what follows a colon at the end can start no name either
  if (colon === nameStart) return false
  if (((byteClasses[buffer[colon + 1] as number] as number) & byteClass.nameStart) === 0) return false
  for (let at = colon + 1; at < end; at++) if (buffer[at] === colonByte) return false
  return true
}

function startName(s: Scanner, end: number): undefined {
  if (!scanName(s, end)) return
  if (!isQName(s)) return s.fail('not-well-formed', 'a malformed element name')
  s.tagStart = s.nameStart
  s.tagEnd = s.position
  s.tagColon = s.colon
  s.state = scanState.tag
}

function tagSpace(s: Scanner, end: number): undefined {
  const buffer = s.buffer
  const classes = byteClasses
  let at = s.position
  while (at < end && isSpace(buffer[at] as number)) at++
  s.position = at
  if (at === end) return
  const byte = buffer[at] as number
  if (((classes[byte] as number) & byteClass.nameStart) === 0) {
    s.state = scanState.tag
    return
  }
  if (s.attributeCount >= s.context.limits.maxAttributes) return s.fail('policy-violation', 'too many attributes')
  s.nameStart = at
  s.colon = -1
  s.nameBits = 0
  s.state = scanState.attributeName
}

function attributeName(s: Scanner, end: number): undefined {
  if (!scanName(s, end)) return
  if (!isQName(s)) return s.fail('not-well-formed', 'a malformed attribute name')
  s.beginAttribute()
  s.state = scanState.beforeEquals
}

function endName(s: Scanner, end: number): undefined {
  if (!scanName(s, end)) return
  s.bits |= s.nameBits
  s.nameEnd = s.position
  if (s.frame !== undefined && !isSameName(s, s.frame.nameStart, s.frame.nameEnd)) {
    return s.fail('not-well-formed', 'an end tag that matches no start tag')
  }
  s.state = scanState.endSpace
}

function isSameName(s: Scanner, start: number, end: number): boolean {
  const { buffer, nameStart } = s
  if (s.position - nameStart !== end - start) return false
  for (let at = start; at < end; at++) if (buffer[at] !== buffer[at - start + nameStart]) return false
  return true
}
