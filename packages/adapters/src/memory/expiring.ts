interface Entry<T> {
  readonly value: T
  readonly endsAt: number
}

/** Values that end by themselves, without a timer. Units: ms of the caller's clock. */
export interface Expiring<T> {
  readonly get: (key: string, now: number) => T | undefined
  readonly set: (key: string, value: T, now: number, ttlMs: number) => void
  readonly delete: (key: string) => void
  /** How long a value still lives. */
  readonly leftMs: (key: string, now: number) => number | undefined
  readonly size: () => number
}

/** Entries looked at each time one is set: more than one, so that what has ended goes faster than what comes. */
const sweptPerSet = 2

/**
 * Keeps values until they end, at most `maxEntries`: above it, the one set longest ago is forgotten.
 * Each set drops a few that have ended, in the order in which they were set; `forgotten` is told of those, and of one too many.
 */
export function expiring<T>(maxEntries: number, forgotten: (key: string) => void = () => {}): Expiring<T> {
  const entries = new Map<string, Entry<T>>()
  const find = (key: string, now: number): Entry<T> | undefined => {
    const entry = entries.get(key)
    return entry !== undefined && entry.endsAt > now ? entry : undefined
  }
  const sweep = (now: number): void => {
    let looked = 0
    for (const [key, entry] of entries) {
      if (looked++ === sweptPerSet) return
      entries.delete(key)
      // One that lives goes to the end, so that the next sweep looks at others.
      if (entry.endsAt > now) entries.set(key, entry)
      else forgotten(key)
    }
  }
  return {
    get: (key, now) => find(key, now)?.value,
    set: (key, value, now, ttlMs) => {
      sweep(now)
      entries.delete(key)
      entries.set(key, { value, endsAt: now + ttlMs })
      const [oldest] = entries.keys()
      if (entries.size <= maxEntries || oldest === undefined) return
      entries.delete(oldest)
      forgotten(oldest)
    },
    delete: (key) => {
      entries.delete(key)
    },
    leftMs: (key, now) => {
      const entry = find(key, now)
      return entry === undefined ? undefined : entry.endsAt - now
    },
    size: () => entries.size,
  }
}
