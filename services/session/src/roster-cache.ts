import type { BareJid } from '@starling/jid'
import type { RosterView } from './roster.ts'

/**
 * Rosters in memory, forgotten with their partition.
 * Units: at most `maxRosters` rosters (0: no limit); when full, the one longest unused goes and is fetched again when needed.
 */
export interface RosterCache {
  readonly get: (jid: BareJid) => RosterView | undefined
  readonly put: (partition: number, jid: BareJid, roster: RosterView) => void
  readonly forget: (jid: BareJid) => void
  readonly forgetPartition: (partition: number) => void
  readonly size: () => number
}

/** An empty cache. */
export function rosterCache(maxRosters: number, onEvicted: () => void): RosterCache {
  const kept = new Map<BareJid, { readonly partition: number; readonly roster: RosterView }>()
  return {
    get: (jid) => {
      const entry = kept.get(jid)
      if (entry === undefined) return undefined
      // a Map keeps the order of insertion: the first is the longest unused
      kept.delete(jid)
      kept.set(jid, entry)
      return entry.roster
    },
    put: (partition, jid, roster) => {
      kept.delete(jid)
      kept.set(jid, { partition, roster })
      if (maxRosters === 0 || kept.size <= maxRosters) return
      const [oldest] = kept.keys()
      if (oldest === undefined) return
      kept.delete(oldest)
      onEvicted()
    },
    forget: (jid) => {
      kept.delete(jid)
    },
    forgetPartition: (partition) => {
      for (const [jid, entry] of kept) if (entry.partition === partition) kept.delete(jid)
    },
    size: () => kept.size,
  }
}
