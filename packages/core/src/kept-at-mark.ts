import type { BareJid } from '@starling/jid'

/**
 * What was read of accounts' states, each of use with the state of its mark alone: a state at its mark is the same for every owner (R3).
 * Units: at most `maxAccounts`; when full the one longest unused goes, and is read anew when needed.
 */
export interface KeptAtMark<T> {
  readonly get: (account: BareJid, mark: number) => T | undefined
  readonly put: (account: BareJid, mark: number, value: T) => void
  readonly forgetAll: () => void
  readonly size: () => number
}

/** Keeps nothing yet. */
export function keptAtMark<T>(maxAccounts: number): KeptAtMark<T> {
  const kept = new Map<BareJid, { readonly mark: number; readonly value: T }>()
  return {
    get: (account, mark) => {
      const found = kept.get(account)
      return found?.mark === mark ? found.value : undefined
    },
    put: (account, mark, value) => {
      kept.delete(account) // it moves to the end: the first of a Map is the longest unused
      kept.set(account, { mark, value })
      if (kept.size <= maxAccounts) return
      for (const oldest of kept.keys()) {
        kept.delete(oldest)
        return
      }
    },
    forgetAll: () => kept.clear(),
    size: () => kept.size,
  }
}
