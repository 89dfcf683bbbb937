/** A delivery as it waits in a session's queue for its acknowledgement (R4). */
export interface Entry {
  /** Goes to others, or offline, when the session ends without having it (R6). */
  readonly isRedeliverable: boolean
  /** An IQ request: its sender is told when the session ends without having it. */
  readonly isRequest: boolean
  /** Units: ms, when Starling accepted it: what a note of delay says. */
  readonly atMs: number
  /** What the pod writes into `to`; '' leaves the bytes as they are. */
  readonly to: string
  /** Names of the other sessions that were sent it, and so answer for it themselves. */
  readonly holders: readonly string[]
  /** Names of the sessions that were sent a copy of it. */
  readonly copies: readonly string[]
  /** Canonical bytes of the stanza. */
  readonly raw: Uint8Array
}

const bits = { redeliverable: 1, request: 2, to: 4, holders: 8, copies: 16 } as const
const fixedBytes = 7

/** Encodes an entry. Shape: u8 bits, u48 atMs, then `to`, holders and copies where there are any (u16 and text each), the bytes. */
export function encodeEntry(entry: Entry): Uint8Array {
  const { isRedeliverable, isRequest, atMs, to, holders, copies, raw } = entry
  let flags = 0
  if (isRedeliverable) flags |= bits.redeliverable
  if (isRequest) flags |= bits.request
  if (to !== '') flags |= bits.to
  if (holders.length > 0) flags |= bits.holders
  if (copies.length > 0) flags |= bits.copies
  const texts: string[] = []
  if (to !== '') texts.push(to)
  if (holders.length > 0) texts.push(holders.join(' '))
  if (copies.length > 0) texts.push(copies.join(' '))
  let length = fixedBytes + raw.length
  for (const text of texts) length += 2 + Buffer.byteLength(text)
  const out = Buffer.allocUnsafe(length)
  out.writeUInt8(flags, 0)
  let at = out.writeUIntBE(atMs, 1, 6)
  for (const text of texts) {
    const bytes = out.write(text, at + 2, 'utf8')
    out.writeUInt16BE(bytes, at)
    at += 2 + bytes
  }
  out.set(raw, at)
  return out
}

/** Decodes an entry; `raw` is a view. Errors: undefined for what nobody here wrote. */
export function decodeEntry(bytes: Uint8Array): Entry | undefined {
  if (bytes.length < fixedBytes) return undefined
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const flags = view.readUInt8(0)
  let at: number = fixedBytes
  const text = (bit: number): string => {
    if ((flags & bit) === 0 || at + 2 > view.length) return ''
    const length = view.readUInt16BE(at)
    const start = at + 2
    at = start + length
    return view.toString('utf8', start, at)
  }
  const to = text(bits.to)
  const holders = names(text(bits.holders))
  const copies = names(text(bits.copies))
  return {
    isRedeliverable: (flags & bits.redeliverable) !== 0,
    isRequest: (flags & bits.request) !== 0,
    atMs: view.readUIntBE(1, 6),
    to,
    holders,
    copies,
    raw: view.subarray(Math.min(at, view.length)),
  }
}

function names(text: string): readonly string[] {
  return text === '' ? [] : text.split(' ')
}
