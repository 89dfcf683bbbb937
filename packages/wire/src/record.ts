/** Version byte that opens every record value. */
export const recordVersion = 1

/** Why a record could not be read. */
export type RecordFault = 'empty' | 'version' | 'truncated'

/**
 * Packs encoded envelopes into one record value.
 * Shape: u8 version, then for each envelope u32 length (big endian) and its bytes.
 */
export function packRecord(envelopes: readonly Uint8Array[]): Uint8Array {
  let size = 1
  for (const envelope of envelopes) size += 4 + envelope.length
  const out = Buffer.allocUnsafe(size)
  out[0] = recordVersion
  let at = 1
  for (const envelope of envelopes) {
    at = out.writeUInt32BE(envelope.length, at)
    out.set(envelope, at)
    at += envelope.length
  }
  return out
}

/**
 * Splits a record value into its envelopes, views on the same memory.
 * Errors: a fault instead of envelopes when the value is not one of ours; never throws.
 */
export function unpackRecord(
  value: Uint8Array,
): { readonly ok: true; readonly value: readonly Uint8Array[] } | { readonly ok: false; readonly error: RecordFault } {
  if (value.length === 0) return { ok: false, error: 'empty' }
  if (value[0] !== recordVersion) return { ok: false, error: 'version' }
  const view = Buffer.from(value.buffer, value.byteOffset, value.length)
  const envelopes: Uint8Array[] = []
  let at = 1
  while (at < view.length) {
    if (at + 4 > view.length) return { ok: false, error: 'truncated' }
    const end = at + 4 + view.readUInt32BE(at)
    if (end > view.length) return { ok: false, error: 'truncated' }
    envelopes.push(view.subarray(at + 4, end))
    at = end
  }
  return { ok: true, value: envelopes }
}

/** Size of a packed record holding one more envelope of `length` bytes. Units: bytes. */
export function packedBytes(current: number, length: number): number {
  return (current === 0 ? 1 : current) + 4 + length
}
