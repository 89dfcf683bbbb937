import { byteClass, byteClasses } from './chars.ts'
import { closeTag, openTag } from './elements.ts'
import type { Scanner } from './scanner.ts'

const lessThan = 0x3c
const greaterThan = 0x3e
const slash = 0x2f
const equals = 0x3d
const colonByte = 0x3a
const space = 0x20

/**
 * The short way through the tags that nearly all tags are: whole in the chunk, names in ASCII, one space between
 * attributes, nothing to decode. `position` is after the `<`; says whether the tag was read.
 * Order: else nothing has changed and the long way, which knows every rule and every fault, begins at the same byte;
 * a tag is tried once only, so the scan stays linear.
 */
export function readWholeTag(s: Scanner, end: number): boolean {
  return s.buffer[s.position] === slash ? readEndTag(s, end) : readStartTag(s, end)
}

function readEndTag(s: Scanner, end: number): boolean {
  const { buffer, frame } = s
  if (frame === undefined) return false
  const { nameStart, nameEnd } = frame
  const delta = s.position + 1 - nameStart
  const close = nameEnd + delta
  if (close >= end || buffer[close] !== greaterThan) return false
  for (let at = nameStart; at < nameEnd; at++) if (buffer[at] !== buffer[at + delta]) return false
  s.position = close + 1
  closeTag(s)
  return true
}

/** Reads an ASCII name with at most one colon in a right place, noted in `colon`; -1 for any other. */
function readName(s: Scanner, start: number, end: number): number {
  const { buffer } = s
  const classes = byteClasses
  s.colon = -1
  let at = start
  let bits = 0
  let isStart = true
  for (; at < end; at++) {
    const byte = buffer[at] as number
    const flags = classes[byte] as number
    if ((flags & byteClass.name) === 0) break
    bits |= byte
    if (isStart) {
      if ((flags & byteClass.nameStart) === 0 || byte === colonByte) return -1
      isStart = false
    } else if (byte === colonByte) {
      if (s.colon >= 0) return -1
      s.colon = at
      isStart = true
    }
  }
  return isStart || bits >= 0x80 || at >= end ? -1 : at
}

function readStartTag(s: Scanner, end: number): boolean {
  const { buffer } = s
  const start = s.position
  const nameEnd = readName(s, start, end)
  if (nameEnd < 0) return false
  const tagColon = s.colon
  s.beginTag()
  let at = nameEnd
  while (buffer[at] === space) {
    at = readAttribute(s, at + 1, end)
    if (at < 0 || at >= end) return false
  }
  const isEmpty = buffer[at] === slash
  if (isEmpty) at++
  if (at >= end || buffer[at] !== greaterThan) return false
  s.tagStart = start
  s.tagEnd = nameEnd
  s.tagColon = tagColon
  s.position = at + 1
  openTag(s, isEmpty)
  return true
}

/** Reads one attribute; gives the place after its closing quote, or -1. */
function readAttribute(s: Scanner, start: number, end: number): number {
  const { buffer } = s
  const nameEnd = readName(s, start, end)
  if (nameEnd < 0 || nameEnd + 1 >= end || buffer[nameEnd] !== equals) return -1
  const quote = buffer[nameEnd + 1] as number
  if (quote !== 0x27 && quote !== 0x22) return -1
  if (s.attributeCount >= s.context.limits.maxAttributes) return -1
  const classes = byteClasses
  let bits = 0
  let at = nameEnd + 2
  for (; at < end; at++) {
    const byte = buffer[at] as number
    bits |= byte
    // letters, which most bytes are, stand above every byte that could end the run
    if (byte <= lessThan && ((classes[byte] as number) & byteClass.valueStop) !== 0) break
  }
  if (at >= end || buffer[at] !== quote) return -1
  s.bits |= bits
  s.addAttribute(start, nameEnd, nameEnd + 2, at)
  return at + 1
}
