import type { Roster, RosterItem } from '@starling/core'
import type { BareJid } from '@starling/jid'

/** A roster of one contact. */
export function rosterOf(jid: BareJid, subscription: RosterItem['subscription']): Roster {
  const item: RosterItem = { jid, name: '', groups: [], subscription, ask: false, approved: false, isListed: true }
  return { version: '1', items: [item] }
}

/** A roster of nobody: what an account that does not exist has, too. */
export const emptyRoster: Roster = { version: '', items: [] }
