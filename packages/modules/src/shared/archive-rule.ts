import { type BareJid, bareOf } from '@starling/jid'
import { hasPayload, ns, type Stanza } from '@starling/stanza'
import type { Json } from '@starling/wire'
import { hasHint } from './hints.ts'
import { isRecord, textsOf } from './slices.ts'

/** Module whose account slice holds the archiving preferences. */
export const preferencesId = 'XEP-0441'

/** What an account wants archived; the slice of XEP-0441. */
export type ArchivePreferences = {
  readonly default: 'always' | 'never'
  readonly always: readonly string[]
  readonly never: readonly string[]
}

/** What is archived while the account has said nothing. */
export const initialPreferences: ArchivePreferences = { default: 'always', always: [], never: [] }

/** Reads the slice of XEP-0441; what it does not understand counts as never said. */
export function readPreferences(slice: Json): ArchivePreferences {
  if (!isRecord(slice)) return initialPreferences
  return {
    default: slice['default'] === 'never' ? 'never' : 'always',
    always: textsOf(slice['always']),
    never: textsOf(slice['never']),
  }
}

/**
 * Whether a message belongs into an account's archive: routing (which stamps the id) and storage (which keeps the message)
 * ask the same function, so they never differ.
 * Source: XEP-0313 §6.1.1; XEP-0334 §4; XEP-0441 §2.
 */
export function isArchived(stanza: Stanza, account: BareJid, isSentCopy: boolean, preferences: Json): boolean {
  if (stanza.kind !== 'message') return false
  // XEP-0313 §6.1.1: once, though a message to oneself is both sent and received
  if (isSentCopy && stanza.to !== '' && bareOf(stanza.to) === account) return false
  const peer = isSentCopy ? stanza.to : stanza.from
  return peer !== '' && isWorthKeeping(stanza) && isWanted(peer, readPreferences(preferences))
}

function isWorthKeeping(stanza: Stanza): boolean {
  if (stanza.type === 'groupchat' || stanza.type === 'error') return false // XEP-0313 §6.1.1: rooms keep their own
  if (hasHint(stanza, 'no-store') || hasHint(stanza, 'no-permanent-store')) return false // XEP-0334 §4.1, §4.2
  if (hasHint(stanza, 'store')) return true // XEP-0334 §4.4
  return stanza.type !== 'headline' && hasPayload(stanza, ns.client, 'body') // XEP-0313 §6.1.1
}

function isWanted(peer: string, preferences: ArchivePreferences): boolean {
  if (isListed(preferences.never, peer)) return false // XEP-0441 §2.1.3
  return preferences.default === 'always' || isListed(preferences.always, peer) // XEP-0441 §2.1.1, §2.1.2
}

/** XEP-0441 §2.3.1: a listed full JID is that resource, a bare one every resource. */
function isListed(list: readonly string[], peer: string): boolean {
  if (list.length === 0) return false
  const slash = peer.indexOf('/')
  return list.includes(peer) || (slash >= 0 && list.includes(peer.slice(0, slash)))
}
