/** How many values `h` has before it begins at zero again. Source: XEP-0198 §4. */
export const hValues = 0x1_0000_0000

/** A count as `h` writes it. Source: XEP-0198 §4: after 2^32 - 1 comes 0. */
export function toH(count: number): number {
  return ((count % hValues) + hValues) % hValues
}

/**
 * The full ordinal that an `h` stands for: the highest not above `sent` that agrees with it.
 * Errors: undefined when that lies below `acked`: then more was acknowledged than sent (or the client went back, which is
 * the same fault).
 */
export function fromH(
  h: number,
  { acked, sent }: { readonly acked: number; readonly sent: number },
): number | undefined {
  const full = sent - toH(sent - h)
  return full < acked ? undefined : full
}

/** Reads an `h`; undefined when it is none. Source: XEP-0198 §4, xs:unsignedInt. */
export function readH(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined
  const h = Number(text)
  return h < hValues ? h : undefined
}
