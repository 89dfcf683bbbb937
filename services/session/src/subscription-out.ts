import { bareOf } from '@starling/jid'
import { type Stanza, stanzaError } from '@starling/stanza'
import type { Session } from './account.ts'
import { showTo } from './presence-show.ts'
import { blankItem, isLocalAccount, seesUs } from './roster.ts'
import { changeSubscription, isFull } from './roster-change.ts'
import { addressed } from './stanza-edit.ts'
import { inState, outbound, type SubscriptionType, stateOf } from './subscription-table.ts'
import { refuseOwn, rosterOf, type Turn, tellAccount } from './turn.ts'

/** Handles a subscription stanza that one of our clients sends. Source: RFC 6121 §3, appendix A.2. */
export function handleOutbound(turn: Turn, session: Session, stanza: Stanza, type: SubscriptionType): void {
  const { jid: account } = turn.account
  const refuse = (error: Parameters<typeof refuseOwn>[3]): void => refuseOwn(turn, session.resource, stanza, error)
  if (stanza.to === '') {
    refuse(stanzaError('bad-request', { text: 'a subscription stanza names a contact' }))
    return
  }
  const contact = bareOf(stanza.to)
  if (contact === account) return // one sees oneself without asking (RFC 6121 §4.2.2)
  const roster = rosterOf(turn)
  if (roster === undefined) return
  const known = roster.items.get(contact)
  const item = known ?? blankItem(contact)
  const state = stateOf(item)
  const { isPassed, next } = outbound[type][state]
  // §3.4.2: approval before it is asked for; §3.4.3 (and A.2.4): taken back with the subscription
  const approved =
    type === 'subscribed' && !isPassed && !seesUs(item) ? true : type === 'unsubscribed' ? false : item.approved
  const isListed = item.isListed || type === 'subscribe' || next.startsWith('from') || next === 'both' || approved
  const isChanged = next !== state || approved !== item.approved || isListed !== item.isListed
  if (isChanged && known === undefined && isFull(turn, roster)) {
    refuse(stanzaError('resource-constraint', { text: 'the roster is full' }))
    return
  }
  if (isPassed && !isLocalAccount(contact, turn.ports.isServed)) {
    refuse(stanzaError('remote-server-not-found')) // RFC 6120 §10.4.1, until federation comes
    return
  }
  // §3.1.2: both addresses are bare
  if (isPassed) tellAccount(turn, contact, addressed(stanza, { from: account, to: contact }))
  if (isChanged) changeSubscription(turn, roster, { ...inState(item, next, item.request), approved, isListed })
  const after = turn.roster?.items.get(contact)
  if (seesUs(after) && !seesUs(item)) showTo(turn, contact, 'current') // §3.1.5
  if (!seesUs(after) && seesUs(item)) showTo(turn, contact, 'unavailable') // §3.2.2
}
