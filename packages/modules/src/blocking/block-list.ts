import { type BareJid, bareOf, domainpartOf, type Jid, parseJid, type Result } from '@starling/jid'
import { ns, type StanzaError } from '@starling/stanza'
import type { Json } from '@starling/wire'
import type { Element } from '@starling/xml'
import { errorOf } from '../shared/answers.ts'

/** The blocked addresses of an account; the account slice of XEP-0191. */
export type BlockList = readonly Jid[]

/** Reads the slice; what it does not understand blocks nobody. */
export function readBlockList(slice: Json): BlockList {
  return Array.isArray(slice) ? (slice.filter((one) => typeof one === 'string') as readonly string[] as BlockList) : []
}

/**
 * Whether an address is blocked.
 * Source: XEP-0191 §6: user@domain/resource, user@domain, domain/resource, domain.
 */
export function isBlocked(list: readonly string[], address: Jid): boolean {
  if (list.length === 0) return false
  if (list.includes(address)) return true
  return list.includes(bareOf(address)) || list.includes(domainpartOf(address))
}

/** Whether an address can be blocked at all: neither the account itself (§5) nor its own server, which speaks for it. */
export function isBeyondBlocking(address: Jid | '', account: BareJid, domain: BareJid): boolean {
  return address === '' || address === account || address === domain || address.startsWith(`${account}/`)
}

/**
 * Reads the items of `<block/>` and `<unblock/>`, each once.
 * Source: XEP-0191 §3.3, §3.4.
 * Errors: bad-request for an item without an address, jid-malformed for one that is none.
 */
export function readItems(payload: Element): Result<readonly Jid[], StanzaError> {
  const jids = new Set<Jid>()
  for (const item of payload.getChildren('item', ns.blocking)) {
    const text = item.attrs['jid']
    if (text === undefined) return { ok: false, error: errorOf('bad-request', 'an item has no jid') }
    const jid = parseJid(text)
    if (!jid.ok) return { ok: false, error: errorOf('jid-malformed') }
    jids.add(jid.value)
  }
  return { ok: true, value: [...jids] }
}
