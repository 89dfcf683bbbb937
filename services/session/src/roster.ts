import type { Roster, RosterItem } from '@starling/core'
import { type BareJid, domainpartOf, localpartOf } from '@starling/jid'
import type { Json } from '@starling/wire'

/** A roster in memory, by contact. */
export interface RosterView {
  readonly version: string
  readonly items: ReadonlyMap<BareJid, RosterItem>
}

/** A roster without items. */
export const emptyRoster: RosterView = { version: '', items: new Map() }

/** The roster out of an answer of storage. Errors: undefined when the answer is no roster. */
export function readRoster(json: Json | undefined): RosterView | undefined {
  const roster = json as unknown as Roster | undefined | null
  if (typeof roster !== 'object' || roster === null || !Array.isArray(roster.items)) return undefined
  return { version: roster.version, items: new Map(roster.items.map((item) => [item.jid, item])) }
}

/** An item nobody changed yet. */
export function blankItem(jid: BareJid): RosterItem {
  return { jid, name: '', groups: [], subscription: 'none', ask: false, approved: false, isListed: false }
}

/** Whether an item says nothing at all, so that it need not be kept. */
export function isBlank(item: RosterItem): boolean {
  return !item.isListed && item.subscription === 'none' && !item.ask && !item.approved && item.request === undefined
}

/** The roster with one item put, or removed when it is blank. */
export function withItem(roster: RosterView, item: RosterItem, version: string): RosterView {
  const items = new Map(roster.items)
  if (isBlank(item)) items.delete(item.jid)
  else items.set(item.jid, item)
  return { version, items }
}

/** Whether the contact may see our account's presence. */
export function seesUs(item: RosterItem | undefined): boolean {
  return item?.subscription === 'from' || item?.subscription === 'both'
}

/** Whether our account may see the contact's presence. */
export function isSeen(item: RosterItem | undefined): boolean {
  return item?.subscription === 'to' || item?.subscription === 'both'
}

/** Whether an address is an account of a domain that is served here. */
export function isLocalAccount(jid: BareJid, isServed: (domain: string) => boolean): boolean {
  return localpartOf(jid) !== '' && isServed(domainpartOf(jid))
}

/** Version a change gets: the place of what caused it, which sorts as the log does. */
export function versionOf(place: { readonly offset: number; readonly index: number }): string {
  return `${place.offset.toString(36).padStart(11, '0')}-${place.index.toString(36).padStart(4, '0')}`
}

/** Whether an address may see our account's presence. */
export function rosterSees(roster: RosterView, contact: BareJid): boolean {
  return seesUs(roster.items.get(contact))
}
