import type { BareJid } from '@starling/jid'
import type { RosterView } from './roster.ts'

/**
 * Rosters in memory, each as it was when its account's state was saved with a mark, and of use with that state only: an owner that
 * another one has overtaken remembers nothing (R3). A few earlier ones are kept: a state that presence took back (R11) must be worked
 * again with the roster of that time. Forgotten with their partition.
 * Units: at most `maxRosters` accounts (0: no limit); when full, the one longest unused goes and is fetched again when needed.
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

/** A roster as it was with every save between two marks. */
interface Version {
  readonly from: number
  to: number
  readonly roster: RosterView
}

interface Kept {
  readonly partition: number
  /** Newest last. */
  readonly versions: Version[]
}

/** Rosters of one account that are kept: changes within the moments that presence may lose. */
const maxVersions = 8

/** An empty cache. */
export function rosterCache(maxRosters: number, onEvicted: () => void): RosterCache {
  const kept = new Map<BareJid, Kept>()
  return {
    get: (jid, mark) => {
      const entry = kept.get(jid)
      if (entry === undefined) return undefined
      kept.delete(jid)
      const { versions } = entry
      // R11: marks fall only where presence went back; what came after it is not so any more
      while ((versions.at(-1)?.from ?? -1) > mark) versions.pop()
      const last = versions.at(-1)
      if (last === undefined || last.to < mark) return undefined
      last.to = mark
      // a Map keeps the order of insertion: the first is the longest unused
      kept.set(jid, entry)
      return last.roster
    },
    put: (jid, { partition, mark, roster }) => {
      const entry = kept.get(jid) ?? { partition, versions: [] }
      kept.delete(jid)
      kept.set(jid, entry)
      const { versions } = entry
      const last = versions.at(-1)
      if (last?.roster === roster) last.to = mark
      else versions.push({ from: mark, to: mark, roster })
      if (versions.length > maxVersions) versions.shift()
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
