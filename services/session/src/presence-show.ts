import { type BareJid, bareOf, domainpartOf, fullJid, isBare, type Jid, localpartOf } from '@starling/jid'
import type { Stanza } from '@starling/stanza'
import { availableSessions, type Session } from './account.ts'
import { contextOf } from './context.ts'
import { isLocalAccount, type RosterView, seesUs } from './roster.ts'
import { addressed, presence, presenceFrom } from './stanza-edit.ts'
import { deliver, deliverOwn, emit, jidOf, type Turn } from './turn.ts'

/** Accounts of the domain that see our presence. */
export function watchers(turn: Turn, roster: RosterView): readonly BareJid[] {
  const { isServed } = turn.ports
  const found: BareJid[] = []
  for (const item of roster.items.values()) if (seesUs(item) && isLocalAccount(item.jid, isServed)) found.push(item.jid)
  return found
}

/** Sends one stanza to many addresses, those left out that a guard forbids (blocking, say). */
export function castTo(turn: Turn, inbox: 'routing' | 'session', keys: readonly Jid[], stanza: Stanza): void {
  const { registry } = turn.ports
  const context = contextOf(turn, undefined)
  const allowed = keys.filter((to) => !registry.run('session.sent', 'guard', { ...stanza, to }, context).isStopped)
  if (allowed.length === 0) return
  emit(turn, inbox, { kind: 'cast', key: turn.account.jid, atMs: turn.nowMs, keys: allowed, stanza })
}

/** Sends presence to the account's own available resources. Source: RFC 6121 §4.2.2, §4.4.2, §4.5.2. */
export function showToOwn(turn: Turn, resources: readonly string[], stanza: Stanza): void {
  for (const resource of resources) {
    deliverOwn(turn, resource, addressed(stanza, { to: fullJid(turn.account.jid, resource) }))
  }
}

/** The current presence of a session, without `to`. */
export function currentPresence(session: Session): Stanza | undefined {
  return session.presence === undefined ? undefined : presenceFrom(session.presence.raw)
}

/** Sends the current presence of every available resource, or its absence, to one address. */
export function showTo(turn: Turn, to: Jid, as: 'current' | 'unavailable'): void {
  for (const session of availableSessions(turn.account)) {
    const stanza = as === 'unavailable' ? presence('unavailable', jidOf(turn, session)) : currentPresence(session)
    if (stanza !== undefined) deliver(turn, bareOf(to), addressed(stanza, { to }))
  }
}

/**
 * Whom of those who see our presence an address covers: a full JID itself, a bare JID, or a domain all its accounts.
 * Source: XEP-0191 §3.3 and the matching of §3.2.
 */
export function coveredBy(turn: Turn, roster: RosterView, to: Jid): readonly Jid[] {
  const isDomain = localpartOf(to) === '' && isBare(to)
  if (!isDomain) return watchers(turn, roster).includes(bareOf(to)) ? [to] : []
  return watchers(turn, roster).filter((jid) => domainpartOf(jid) === to)
}
