import { decodeUtf8 } from './decode.ts'

const slotCount = 1024
const maxEntryBytes = 64

type Entry = { readonly bytes: Uint8Array; readonly text: string }

/**
 * A bounded memory of decoded names and namespaces that many gates share: the same bytes give the same string
 * without decoding again. Units: 1024 entries of at most 64 bytes; full, the newest replaces.
 */
export type NameTable = { readonly decode: (buffer: Uint8Array, start: number, end: number) => string }

function holds(entry: Entry, buffer: Uint8Array, start: number): boolean {
  const { bytes } = entry
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== buffer[start + i]) return false
  return true
}

/** Makes an empty table; one for all the gates of a process is meant. */
export function createNameTable(): NameTable {
  const slots: (Entry | undefined)[] = new Array(slotCount).fill(undefined)
  return {
    decode(buffer, start, end) {
      const length = end - start
      if (length === 0) return ''
      if (length > maxEntryBytes) return decodeUtf8(buffer, start, end)
      const first = buffer[start] as number
      const middle = buffer[start + (length >> 1)] as number
      const nearLast = buffer[end - 1 - (length > 3 ? 2 : 0)] as number
      const last = buffer[end - 1] as number
      const slot = (length * 31 + first * 7 + middle * 131 + nearLast * 17 + last * 613) & (slotCount - 1)
      const entry = slots[slot]
      if (entry !== undefined && entry.bytes.length === length && holds(entry, buffer, start)) return entry.text
      const text = decodeUtf8(buffer, start, end)
      slots[slot] = { bytes: Uint8Array.prototype.slice.call(buffer, start, end), text }
      return text
    },
  }
}
