import { fullJid } from '@starling/jid'
import { elementOf, hasPayload, ns, type Stanza, stanzaError } from '@starling/stanza'
import { availableSessions, type Session } from './account.ts'
import { endAvailability } from './presence-end.ts'
import { castTo, currentPresence, showToOwn, watchers } from './presence-show.ts'
import { isLocalAccount, isSeen, type RosterView } from './roster.ts'
import { addressed, presence, presenceFrom } from './stanza-edit.ts'
import { deliverOwn, jidOf, refuseOwn, rosterOf, type Turn, updateSession } from './turn.ts'

/** Handles presence without `to` from one of our clients. Source: RFC 6121 §4.2, §4.4, §4.5. */
export function handlePresence(turn: Turn, session: Session, stanza: Stanza): void {
  if (stanza.type === 'unavailable') {
    endAvailability(turn, session, stanza, 'told')
    return
  }
  const priority = priorityOf(stanza)
  if (priority === undefined) {
    // RFC 6121 §4.7.2.3
    refuseOwn(
      turn,
      session.resource,
      stanza,
      stanzaError('bad-request', { text: 'priority is no integer of -128 to 127' }),
    )
    return
  }
  const roster = rosterOf(turn)
  if (roster === undefined) return
  const isInitial = session.presence === undefined
  updateSession(turn, { ...session, presence: { priority, raw: stanza.raw } })
  castTo(turn, 'routing', watchers(turn, roster), stanza) // §4.2.2, §4.4.2
  showToOwn(
    turn,
    availableSessions(turn.account).map(({ resource }) => resource),
    stanza,
  )
  if (isInitial) greet(turn, session, roster)
}

/** What a resource is told when it becomes available. Source: RFC 6121 §4.2.2, §3.1.3. */
function greet(turn: Turn, session: Session, roster: RosterView): void {
  const { isServed } = turn.ports
  const jid = jidOf(turn, session)
  for (const other of availableSessions(turn.account)) {
    if (other.resource === session.resource) continue
    const shown = currentPresence(other)
    if (shown !== undefined) deliverOwn(turn, session.resource, addressed(shown, { to: jid }))
  }
  const seen = [...roster.items.values()].filter((item) => isSeen(item) && isLocalAccount(item.jid, isServed))
  const probed = seen.map((item) => item.jid)
  castTo(turn, 'session', probed, presence('probe', jid)) // §4.3.1; the full JID, so that no other resource is told again
  for (const { request } of roster.items.values()) {
    // §3.1.3: whenever there is a new available resource, until it is answered
    const asked = request === undefined ? undefined : presenceFrom(request)
    if (asked !== undefined) deliverOwn(turn, session.resource, asked)
  }
}

/** The priority; 0 when none is given, undefined when it is not one. Source: RFC 6121 §4.7.2.3. */
export function priorityOf(stanza: Stanza): number | undefined {
  if (!hasPayload(stanza, ns.client, 'priority')) return 0
  const text = (elementOf(stanza).getChildText('priority', ns.client) ?? '').trim()
  if (!/^[+-]?\d{1,3}$/.test(text)) return undefined
  const priority = Number.parseInt(text, 10)
  return priority >= -128 && priority <= 127 ? priority : undefined
}

/** Handles presence with `to` that is no subscription: it goes to that address alone. Source: RFC 6121 §4.6. */
export function rememberDirected(turn: Turn, session: Session, stanza: Stanza): boolean {
  const { to } = stanza
  if (to === '') return true
  const isKnown = session.directed.includes(to)
  if (stanza.type === 'unavailable') {
    // §4.6.3: who was told need not be told again
    if (isKnown) updateSession(turn, { ...session, directed: session.directed.filter((jid) => jid !== to) })
    return true
  }
  if (isKnown || to === fullJid(turn.account.jid, session.resource)) return true
  const { maxDirectedPresence } = turn.ports.limits
  if (maxDirectedPresence > 0 && session.directed.length >= maxDirectedPresence) {
    // nobody may be left believing in a presence whose end would not reach them
    const error = stanzaError('resource-constraint', {
      text: 'too many addresses hold directed presence of this resource',
    })
    refuseOwn(turn, session.resource, stanza, error)
    return false
  }
  updateSession(turn, { ...session, directed: [...session.directed, to] })
  return true
}
