import { type BareJid, isFull, MAX_PART_BYTES, parseJid, type Result } from '@starling/jid'
import { ns, type StanzaError, stanzaError } from '@starling/stanza'
import type { Element } from '@starling/xml'

/** The most groups of one item. Units: groups. */
export const maxGroups = 64

/** What a client wants of one roster item. */
export type Wish =
  | { readonly wants: 'remove'; readonly jid: BareJid }
  | { readonly wants: 'put'; readonly jid: BareJid; readonly name: string; readonly groups: readonly string[] }

/** Reads the payload of a roster set. Source: RFC 6121 §2.1.2, §2.1.5, §2.3.3. */
export function readWish(query: Element, own: BareJid): Result<Wish, StanzaError> {
  const items = query.getChildElements()
  const item = items[0]
  // §2.3.3: exactly one item
  if (item === undefined || items.length > 1 || !item.is('item', ns.roster)) return bad('exactly one item is expected')
  const text = item.attrs['jid']
  if (text === undefined) return bad('the item has no jid')
  const jid = parseJid(text)
  if (!jid.ok) return { ok: false, error: stanzaError('jid-malformed') }
  if (isFull(jid.value)) return bad('the jid of an item has no resourcepart')
  const bare = jid.value as BareJid
  // one is not one's own contact
  if (bare === own)
    return { ok: false, error: stanzaError('not-allowed', { text: 'the account itself is no contact' }) }
  // §2.1.2.5: any other value is ignored
  if (item.attrs['subscription'] === 'remove') return { ok: true, value: { wants: 'remove', jid: bare } }
  const name = item.attrs['name'] ?? ''
  const groups = item.getChildren('group', ns.roster).map((group) => group.getText())
  if (new Set(groups).size < groups.length) return bad('a group is named twice') // §2.3.3
  if (groups.includes('')) return unacceptable('a group without a name') // §2.3.3
  if (isLong(name) || groups.some(isLong)) return unacceptable(`a name is longer than ${MAX_PART_BYTES} bytes`) // §2.3.3
  if (groups.length > maxGroups) return unacceptable(`an item has more than ${maxGroups} groups`)
  return { ok: true, value: { wants: 'put', jid: bare, name, groups } }
}

function isLong(text: string): boolean {
  return Buffer.byteLength(text) > MAX_PART_BYTES
}

function bad(text: string): Result<Wish, StanzaError> {
  return { ok: false, error: stanzaError('bad-request', { text }) }
}

function unacceptable(text: string): Result<Wish, StanzaError> {
  return { ok: false, error: stanzaError('not-acceptable', { text }) }
}
