import { enforceDomainpart } from './domainpart.ts'
import { enforceOpaqueString, enforceUsernameCaseMapped } from './precis.ts'
import { good, type JidError, malformed, type Result } from './result.ts'

export { enforceOpaqueString } from './precis.ts'
export type { JidError, Result } from './result.ts'

/**
 * An account, a room, a server: `localpart@domainpart` or `domainpart`, in normal form.
 * Source: RFC 6120 §1.4.
 */
export type BareJid = string & { readonly __jid: 'bare' }

/**
 * One resource of a bare JID: with `/resourcepart`, in normal form.
 * Source: RFC 6120 §1.4.
 */
export type FullJid = string & { readonly __jid: 'full' }

/** Any address, in normal form: equal strings are equal addresses. */
export type Jid = BareJid | FullJid

/**
 * The most bytes of UTF-8 a part may have.
 * Source: RFC 7622 §3.1.
 * Units: bytes.
 */
export const MAX_PART_BYTES = 1023

// What most addresses are: lower-case ASCII that is its own normal form; no A-label, at most MAX_PART_BYTES in all.
const PLAIN =
  /^(?:[!#-%(-.0-9;=?[-~]+@)?(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*(?:\/[ -~]+)?$/
// RFC 7622 §3.3.1: characters that UsernameCaseMapped would allow in a localpart
const EXCLUDED_FROM_LOCALPART = /["&'/:<>@]/

/**
 * Reads an address and brings it to its normal form.
 * Source: RFC 7622 §3.
 * Errors: jid-malformed; never throws.
 */
export function parseJid(text: string): Result<Jid, JidError> {
  if (text.length <= MAX_PART_BYTES && PLAIN.test(text)) return good(text as Jid)
  // RFC 7622 §3.2: the resourcepart begins at the first '/', the localpart ends at the first '@' before it.
  const slash = text.indexOf('/')
  const bare = slash < 0 ? text : text.slice(0, slash)
  const at = bare.indexOf('@')
  const domainpart = normalizeDomainpart(bare.slice(at + 1))
  if (!domainpart.ok) return domainpart
  let jid = domainpart.value
  if (at >= 0) {
    const localpart = normalizeLocalpart(bare.slice(0, at))
    if (!localpart.ok) return localpart
    jid = `${localpart.value}@${jid}`
  }
  if (slash < 0) return good(jid as Jid)
  const resourcepart = normalizeResourcepart(text.slice(slash + 1))
  return resourcepart.ok ? good(`${jid}/${resourcepart.value}` as Jid) : resourcepart
}

/**
 * Brings a localpart to its normal form.
 * Source: RFC 7622 §3.3.
 */
export function normalizeLocalpart(text: string): Result<string, JidError> {
  if (isTooLong(text)) return malformed('the localpart is longer than 1023 bytes')
  const localpart = enforceUsernameCaseMapped(text)
  if (localpart === undefined) return malformed('the localpart is empty or no UsernameCaseMapped string')
  if (EXCLUDED_FROM_LOCALPART.test(localpart)) return malformed('the localpart holds one of the excluded characters')
  return isTooLong(localpart) ? malformed('the localpart is longer than 1023 bytes') : good(localpart)
}

/**
 * Brings a domainpart to its normal form.
 * Source: RFC 7622 §3.2.
 */
export function normalizeDomainpart(text: string): Result<string, JidError> {
  if (isTooLong(text)) return malformed('the domainpart is longer than 1023 bytes')
  const domainpart = enforceDomainpart(text)
  if (domainpart === undefined) return malformed('the domainpart is empty or neither a domain name nor an IP address')
  return isTooLong(domainpart) ? malformed('the domainpart is longer than 1023 bytes') : good(domainpart)
}

/**
 * Brings a resourcepart to its normal form.
 * Source: RFC 7622 §3.4.
 */
export function normalizeResourcepart(text: string): Result<string, JidError> {
  if (isTooLong(text)) return malformed('the resourcepart is longer than 1023 bytes')
  const resourcepart = enforceOpaqueString(text)
  if (resourcepart === undefined) return malformed('the resourcepart is empty or no OpaqueString')
  return isTooLong(resourcepart) ? malformed('the resourcepart is longer than 1023 bytes') : good(resourcepart)
}

/** Joins parts that are already in normal form; an empty localpart gives the bare domain. */
export function bareJid(localpart: string, domainpart: string): BareJid {
  return (localpart === '' ? domainpart : `${localpart}@${domainpart}`) as BareJid
}

/** Joins a bare JID and a resourcepart that is already in normal form. */
export function fullJid(bare: BareJid, resourcepart: string): FullJid {
  return `${bare}/${resourcepart}` as FullJid
}

/** Gives the address without its resourcepart. */
export function bareOf(jid: Jid): BareJid {
  const slash = jid.indexOf('/')
  return (slash < 0 ? jid : jid.slice(0, slash)) as BareJid
}

/** Tells whether an address has a resourcepart. */
export function isFull(jid: Jid): jid is FullJid {
  return jid.includes('/')
}

/** Tells whether an address has no resourcepart. */
export function isBare(jid: Jid): jid is BareJid {
  return !jid.includes('/')
}

/** Gives what stands before the '@', or '' where there is none. */
export function localpartOf(jid: Jid): string {
  const bare = bareOf(jid)
  return bare.slice(0, Math.max(0, bare.indexOf('@')))
}

/** Gives the domain, which every address has. */
export function domainpartOf(jid: Jid): string {
  const bare = bareOf(jid)
  return bare.slice(bare.indexOf('@') + 1)
}

/** Gives what stands behind the first '/', or '' where there is none. */
export function resourcepartOf(jid: Jid): string {
  const slash = jid.indexOf('/')
  return slash < 0 ? '' : jid.slice(slash + 1)
}

function isTooLong(text: string): boolean {
  // A UTF-16 unit is at least one byte: the first test keeps a hostile megabyte from being counted or normalised.
  return text.length > MAX_PART_BYTES || Buffer.byteLength(text) > MAX_PART_BYTES
}
