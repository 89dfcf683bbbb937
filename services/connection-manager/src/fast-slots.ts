/**
 * One token of a client, as it is kept: what the token is made of, not the token (see docs/adr/0008).
 * Source: XEP-0484 §5.1.
 */
export interface TokenSlot {
  /** Random, base64url; with the deployment's secret it makes the token. */
  readonly nonce: string
  /** The only mechanism it serves. Source: XEP-0484 §3.4. */
  readonly mechanism: string
  /** Units: ms since 1970. */
  readonly expiresAtMs: number
  /** Highest count that was used with it; 0 before the first. Source: XEP-0484 §3.4. */
  readonly count: number
}

/** The tokens of one client: the one it uses, and a newer one that it may not have received. Source: XEP-0484 §5.1. */
export interface TokenSlots {
  readonly current?: TokenSlot
  readonly next?: TokenSlot
}

/** Which of a client's tokens. */
export type SlotName = keyof TokenSlots

/** The order in which they are tried. Source: XEP-0484 §5.1. */
export const slotOrder: readonly SlotName[] = ['next', 'current']

/**
 * The slots after a token was used: it is the current one now, and those issued before it are gone.
 * Source: XEP-0484 §3.5, §5.1.
 */
export function useSlot(slots: TokenSlots, name: SlotName, count: number | undefined): TokenSlots {
  const used = slots[name]
  if (used === undefined) return slots
  const current = count === undefined ? used : { ...used, count }
  return name === 'next' || slots.next === undefined ? { current } : { current, next: slots.next }
}

/** The slots with a new token in them: the current one goes on until the new one is used. Source: XEP-0484 §3.5. */
export function issueSlot(slots: TokenSlots, next: TokenSlot): TokenSlots {
  return slots.current === undefined ? { next } : { current: slots.current, next }
}

/** When the last of a client's tokens expires; 0 when it has none. Units: ms since 1970. */
export function endOf(slots: TokenSlots): number {
  return Math.max(slots.current?.expiresAtMs ?? 0, slots.next?.expiresAtMs ?? 0)
}

/** Writes slots as the body of a document. Shape: JSON. */
export function writeSlots(slots: TokenSlots): Uint8Array {
  return Buffer.from(JSON.stringify(slots))
}

/** Reads what `writeSlots` wrote; what cannot be read is no token. */
export function readSlots(body: Uint8Array): TokenSlots {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString('utf8'))
    if (typeof value !== 'object' || value === null) return {}
    const { current, next } = value as { readonly current?: unknown; readonly next?: unknown }
    return { ...(isSlot(current) ? { current } : {}), ...(isSlot(next) ? { next } : {}) }
  } catch {
    return {}
  }
}

function isSlot(value: unknown): value is TokenSlot {
  if (typeof value !== 'object' || value === null) return false
  const slot = value as Partial<Record<keyof TokenSlot, unknown>>
  const isText = typeof slot.nonce === 'string' && typeof slot.mechanism === 'string'
  return isText && Number.isFinite(slot.expiresAtMs) && Number.isSafeInteger(slot.count)
}
