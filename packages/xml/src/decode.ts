import { Buffer } from 'node:buffer'
import { expandReferences } from './reference.ts'

type Utf8Slicer = { utf8Slice(start: number, end: number): string }

/** Decodes a range of UTF-8 bytes; invalid sequences become U+FFFD (the gate has refused them elsewhere). */
export function decodeUtf8(buffer: Uint8Array, start: number, end: number): string {
  // Buffer.toString spends as long on its arguments as on a short name
  if (buffer instanceof Buffer) return (buffer as unknown as Utf8Slicer).utf8Slice(start, end)
  return Buffer.from(buffer.buffer, buffer.byteOffset + start, end - start).toString('utf8')
}

/**
 * Decodes an attribute value: references expanded, white space normalised.
 * Source: XML 1.0 §2.11 (a carriage return and line feed are one line end), §3.3.3.
 */
export function decodeValue(buffer: Uint8Array, start: number, end: number): string {
  return expandReferences(decodeUtf8(buffer, start, end).replace(/\r\n|[\t\r\n]/g, ' '))
}

/** Decodes character data outside CDATA. Source: XML 1.0 §2.11, §4.1. */
export function decodeText(text: string): string {
  return expandReferences(text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text)
}

class NullRecord {}
Reflect.deleteProperty(NullRecord.prototype, 'constructor')
Object.setPrototypeOf(NullRecord.prototype, null)

/** Makes an empty record that inherits no names (no `constructor`, no `__proto__`), cheap to fill and to read. */
export function createRecord(): Record<string, string> {
  return new NullRecord() as Record<string, string>
}
