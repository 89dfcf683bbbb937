import type { RosterItem } from '@starling/core'
import { bareOf } from '@starling/jid'
import type { Stanza } from '@starling/stanza'
import { showTo } from './presence-show.ts'
import { blankItem, type RosterView, seesUs } from './roster.ts'
import { changeSubscription, isFull } from './roster-change.ts'
import { addressed, presence } from './stanza-edit.ts'
import { inbound, inState, type SubscriptionType, stateOf } from './subscription-table.ts'
import { deliver, deliverOwn, rosterOf, type Turn, tellAccount } from './turn.ts'

/** The longest request kept whole; of a longer one only who asked is kept. Units: bytes. */
export const maxRequestBytes = 8192

/** Handles a subscription stanza that a contact sent to our account. Source: RFC 6121 §3, appendix A.3. */
export function handleInbound(turn: Turn, stanza: Stanza, type: SubscriptionType): void {
  const { jid: account } = turn.account
  if (stanza.from === '') return
  const contact = bareOf(stanza.from)
  if (contact === account) return
  if (!turn.exists) {
    // the asker's roster must not wait for ever
    if (type === 'subscribe') tellAccount(turn, contact, presence('unsubscribed', account, contact))
    return
  }
  const roster = rosterOf(turn)
  if (roster === undefined) return
  const item = roster.items.get(contact) ?? blankItem(contact)
  if (type === 'subscribe' && (seesUs(item) || item.approved)) {
    autoReply(turn, roster, item)
    return
  }
  const { isPassed, next } = inbound[type][stateOf(item)]
  if (!isPassed) return
  if (!roster.items.has(contact) && isFull(turn, roster)) {
    // full: refused at once, so that the asker's roster does not wait for ever
    tellAccount(turn, contact, presence('unsubscribed', account, contact))
    return
  }
  const bare = addressed(stanza, { from: contact, to: account })
  announce(turn, bare)
  const changed = inState(item, next, type === 'subscribe' ? keptRequest(bare) : item.request)
  changeSubscription(turn, roster, changed)
  if (seesUs(item) && !seesUs(changed)) showTo(turn, contact, 'unavailable') // §3.3.3
}

/** Who sees us already is answered at once (§3.1.3), and so is who was approved beforehand (§3.4.3). */
function autoReply(turn: Turn, roster: RosterView, item: RosterItem): void {
  const { jid: contact } = item
  tellAccount(turn, contact, presence('subscribed', turn.account.jid, contact))
  if (seesUs(item)) return
  const next = item.subscription === 'to' ? 'both' : item.ask ? 'from+out' : 'from'
  changeSubscription(turn, roster, { ...inState(item, next, undefined), isListed: true })
  showTo(turn, contact, 'current') // §3.1.5
}

/** Shows the stanza to our resources. */
function announce(turn: Turn, stanza: Stanza): void {
  if (stanza.type === 'subscribe') {
    deliver(turn, turn.account.jid, stanza, { isOwn: true }) // §3.1.3: to all available resources
    return
  }
  // §3.1.6, §3.2.3, §3.3.3: to all interested resources
  for (const session of turn.account.sessions.values()) {
    if (session.isInterested) deliverOwn(turn, session.resource, stanza)
  }
}

function keptRequest(stanza: Stanza): Uint8Array {
  if (stanza.raw.length <= maxRequestBytes || stanza.from === '' || stanza.to === '') return stanza.raw
  return presence('subscribe', stanza.from, stanza.to).raw
}
