import type { Roster, RosterItem } from '@starling/core'
import { type Ask, decodeJson, type Envelope, type Json, type Write } from '@starling/wire'

/** Storage as the session stage sees it. */
export interface FakeStorage {
  readonly accounts: Set<string>
  readonly rosters: Map<string, Roster>
  readonly documents: Map<string, Json>
  /** Applies a write. */
  readonly write: (envelope: Write) => void
  /** Answers a `load` question. */
  readonly answer: (envelope: Ask) => Envelope
}

/** Rosters and slices in memory. */
export function fakeStorage(accounts: readonly string[]): FakeStorage {
  const known = new Set(accounts)
  const rosters = new Map<string, Roster>()
  const documents = new Map<string, Json>()
  const rosterOf = (owner: string): Roster => rosters.get(owner) ?? { version: '', items: [] }
  return {
    accounts: known,
    rosters,
    documents,
    write: ({ head }) => {
      const { query, args } = head as unknown as {
        query: string
        args: { owner: string; version: string; item?: RosterItem; jid?: string; name?: string; body?: Uint8Array }
      }
      if (query === 'document.put') {
        documents.set(`${args.owner} ${args.name}`, decodeJson(args.body ?? new Uint8Array()) as Json)
        return
      }
      const jid = args.item?.jid ?? args.jid
      const items = rosterOf(args.owner).items.filter((item) => item.jid !== jid)
      if (args.item !== undefined) items.push(args.item)
      rosters.set(args.owner, { version: args.version, items })
    },
    answer: ({ key, atMs, carried }) => {
      const slices: Record<string, Json> = {}
      for (const [name, value] of documents) {
        if (name.startsWith(`${key} `)) slices[name.slice(key.length + 1)] = value
      }
      return {
        kind: 'loaded',
        key,
        atMs,
        head: { exists: known.has(key), roster: rosterOf(key) as unknown as Json, slices },
        carried: carried ?? new Uint8Array(),
      }
    },
  }
}
