import type { RosterItem } from '@starling/core'
import { fullJid } from '@starling/jid'
import { makeStanza, ns } from '@starling/stanza'
import type { Json } from '@starling/wire'
import { type Element, xml } from '@starling/xml'
import { isBlank, type RosterView, versionOf, withItem } from './roster.ts'
import { deliverOwn, emit, freshId, type Turn } from './turn.ts'

/**
 * Changes one item: in memory, in storage, and in the view of every interested resource when the item is or was to be seen.
 * Source: RFC 6121 §2.1.6, §2.6.3 (the version names the change).
 */
export function changeItem(turn: Turn, roster: RosterView, item: RosterItem): void {
  const before = roster.items.get(item.jid)
  keepItem(turn, roster, item)
  const { version } = turn.roster ?? roster
  if (item.isListed) push(turn, itemElement(item), version)
  else if (before?.isListed === true) push(turn, xml('item', { jid: item.jid, subscription: 'remove' }), version)
}

/** Changes the subscription of an item; clients are told only of what they can see (appendix A.1: pending in is not). */
export function changeSubscription(turn: Turn, roster: RosterView, item: RosterItem): void {
  const before = roster.items.get(item.jid)
  if (before !== undefined && looksSame(before, item)) keepItem(turn, roster, item)
  else changeItem(turn, roster, item)
}

function looksSame(one: RosterItem, other: RosterItem): boolean {
  return (
    one.isListed === other.isListed &&
    one.subscription === other.subscription &&
    one.ask === other.ask &&
    one.approved === other.approved
  )
}

function keepItem(turn: Turn, roster: RosterView, item: RosterItem): void {
  const version = versionOf(turn.place)
  const { jid: owner } = turn.account
  turn.roster = withItem(roster, item, version)
  turn.account = { ...turn.account, rosterVersion: version }
  const head = isBlank(item)
    ? { query: 'roster.remove', args: { owner, version, jid: item.jid } }
    : { query: 'roster.put', args: { owner, version, item } }
  emit(turn, 'storage', { kind: 'write', key: owner, atMs: turn.nowMs, head: head as unknown as Json })
}

/** Source: RFC 6121 §2.1.6: to every interested resource, the one that caused it too. */
function push(turn: Turn, item: Element, version: string): void {
  for (const session of turn.account.sessions.values()) {
    if (!session.isInterested) continue
    const to = fullJid(turn.account.jid, session.resource)
    const query = xml('query', { xmlns: ns.roster, ver: version }, item)
    deliverOwn(turn, session.resource, makeStanza(xml('iq', { type: 'set', id: freshId(turn), to }, query)))
  }
}

/** The item as clients see it. Source: RFC 6121 §2.1.2. */
export function itemElement(item: RosterItem): Element {
  return xml(
    'item',
    {
      jid: item.jid,
      ...(item.name === '' ? {} : { name: item.name }),
      subscription: item.subscription,
      ...(item.ask ? { ask: 'subscribe' } : {}),
      ...(item.approved ? { approved: 'true' } : {}),
    },
    ...item.groups.map((group) => xml('group', {}, group)),
  )
}

/** Whether the roster may not grow by an item. Units: settings.session.maxRosterItems; 0 means no limit. */
export function isFull(turn: Turn, roster: RosterView): boolean {
  const { maxRosterItems } = turn.ports.limits
  return maxRosterItems > 0 && roster.items.size >= maxRosterItems
}
