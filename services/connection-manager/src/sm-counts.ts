/** How many values `h` has before it begins at zero again. Source: XEP-0198 §4. */
export const hValues = 0x1_0000_0000

/** A count as `h` writes it. Source: XEP-0198 §4: after 2^32 - 1 comes 0. */
export function toH(count: number): number {
  return ((count % hValues) + hValues) % hValues
}

/** What of a session's deliveries was written, and up to which the client has them. Units: ordinals, without wrap-around. */
export interface Written {
  readonly acked: number
  readonly written: number
}

/**
 * The ordinal that an `h` stands for, at least `acked`: one that lies behind it is an old one and changes nothing.
 * Errors: undefined when more was acknowledged than written. Source: XEP-0198 §6.
 */
export function fromH(h: number, { acked, written }: Written): number | undefined {
  const ahead = toH(h - acked)
  if (ahead <= written - acked) return acked + ahead
  return ahead > hValues / 2 ? acked : undefined
}

/** Reads an `h`; undefined when it is none. Source: XEP-0198 §4, xs:unsignedInt. */
export function readH(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined
  const h = Number(text)
  return h < hValues ? h : undefined
}
