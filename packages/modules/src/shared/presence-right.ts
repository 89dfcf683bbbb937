import type { Roster } from '@starling/core'
import { bareOf, type Jid } from '@starling/jid'

/**
 * Whether the roster's owner lets an address see its presence.
 * Source: RFC 6121 §2.1.2.5: a subscription `from` or `both`.
 */
export function maySeePresence(roster: Roster, address: Jid): boolean {
  const bare = bareOf(address)
  const item = roster.items.find((one) => one.jid === bare)
  return item !== undefined && (item.subscription === 'from' || item.subscription === 'both')
}
