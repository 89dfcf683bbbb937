import type { BareJid } from '@starling/jid'
import type { RosterView } from './roster.ts'

/**
 * Rosters in memory, each as it was when its account's state was saved with a mark, and of use with that state only: an owner that
 * another one has overtaken remembers nothing (R3). Forgotten with their partition.
 * Units: at most `maxRosters` rosters (0: no limit); when full, the one longest unused goes and is fetched again when needed.
 */
export interface RosterCache {
  readonly get: (jid: BareJid, mark: number) => RosterView | undefined
  readonly put: (jid: BareJid, kept: KeptRoster) => void
  readonly forget: (jid: BareJid) => void
  readonly forgetPartition: (partition: number) => void
  readonly size: () => number
}

/** A roster in memory. */
export interface KeptRoster {
  readonly partition: number
  readonly mark: number
  readonly roster: RosterView
}

/** An empty cache. */
export function rosterCache(maxRosters: number, onEvicted: () => void): RosterCache {
  const kept = new Map<BareJid, KeptRoster>()
  return {
    get: (jid, mark) => {
      const entry = kept.get(jid)
      if (entry === undefined) return undefined
      kept.delete(jid)
      if (entry.mark !== mark) return undefined
      // a Map keeps the order of insertion: the first is the longest unused
      kept.set(jid, entry)
      return entry.roster
    },
    put: (jid, entry) => {
      kept.delete(jid)
      kept.set(jid, entry)
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
