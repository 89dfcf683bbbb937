import type { BareJid } from '@starling/jid'
import { iqResult, type Stanza, stanzaError } from '@starling/stanza'
import type { Element } from '@starling/xml'
import type { Session } from './account.ts'
import { showTo } from './presence-show.ts'
import { blankItem, isLocalAccount, isSeen, type RosterView, seesUs } from './roster.ts'
import { changeItem, isFull } from './roster-change.ts'
import { readWish } from './roster-item.ts'
import { presence } from './stanza-edit.ts'
import { deliverOwn, refuseOwn, rosterOf, type Turn, tellAccount } from './turn.ts'

/** Adds, changes or removes a roster item. Source: RFC 6121 §2.3, §2.4, §2.5. */
export function setRoster(turn: Turn, session: Session, request: Stanza, query: Element): void {
  const wish = readWish(query, turn.account.jid)
  if (!wish.ok) {
    refuseOwn(turn, session.resource, request, wish.error)
    return
  }
  const roster = rosterOf(turn)
  if (roster === undefined) return
  const { value } = wish
  switch (value.wants) {
    case 'put': {
      const known = roster.items.get(value.jid)
      if (known === undefined && isFull(turn, roster)) {
        const error = stanzaError('resource-constraint', { text: 'the roster is full' })
        refuseOwn(turn, session.resource, request, error)
        return
      }
      const { name, groups } = value
      changeItem(turn, roster, { ...(known ?? blankItem(value.jid)), name, groups, isListed: true })
      break
    }
    case 'remove':
      if (roster.items.get(value.jid)?.isListed !== true) {
        refuseOwn(turn, session.resource, request, stanzaError('item-not-found')) // §2.5.3
        return
      }
      removeContact(turn, roster, value.jid)
      break
    default:
      value satisfies never
  }
  deliverOwn(turn, session.resource, iqResult(request))
}

/** Removes a contact: both subscriptions end. A request of its own that nobody answered stays. Source: RFC 6121 §2.5.2. */
export function removeContact(turn: Turn, roster: RosterView, contact: BareJid): void {
  const { jid: account } = turn.account
  const item = roster.items.get(contact) ?? blankItem(contact)
  const isLocal = isLocalAccount(contact, turn.ports.isServed)
  if (isLocal && (isSeen(item) || item.ask)) tellAccount(turn, contact, presence('unsubscribe', account, contact))
  if (isLocal && seesUs(item)) {
    tellAccount(turn, contact, presence('unsubscribed', account, contact))
    showTo(turn, contact, 'unavailable') // §3.2.2
  }
  changeItem(turn, roster, {
    ...blankItem(contact),
    ...(item.request === undefined ? {} : { request: item.request }),
  })
}
