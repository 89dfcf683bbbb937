import { bareOf } from '@starling/jid'
import type { Stanza } from '@starling/stanza'
import { availableSessions, type Session, withoutSession } from './account.ts'
import { contextOf } from './context.ts'
import { performEffects } from './effects.ts'
import { withKicked } from './kicked.ts'
import { castTo, showToOwn, watchers } from './presence-show.ts'
import { isLocalAccount } from './roster.ts'
import { presence } from './stanza-edit.ts'
import { emitState, jidOf, rosterOf, type Turn, updateSession } from './turn.ts'

/**
 * Makes a session unavailable and tells everybody who believes otherwise.
 * Source: RFC 6121 §4.5.2, §4.6.3.
 * `told`: the client said so itself and hears its own presence too; `gone`: the server says it for a client that cannot.
 */
export function endAvailability(turn: Turn, session: Session, stanza: Stanza, how: 'told' | 'gone'): void {
  const wasAvailable = session.presence !== undefined
  const { directed } = session
  if (!wasAvailable && directed.length === 0) return
  const roster = wasAvailable ? rosterOf(turn) : undefined
  if (wasAvailable && roster === undefined) return
  updateSession(turn, { ...session, presence: undefined, directed: [] })
  const watching = roster === undefined ? [] : watchers(turn, roster)
  const told = new Set<string>(watching)
  const { isServed } = turn.ports
  // §4.6.3: whoever got directed presence, unless the broadcast reaches it
  const others = directed.filter((jid) => !told.has(bareOf(jid)) && isLocalAccount(bareOf(jid), isServed))
  castTo(turn, 'routing', [...watching, ...others], stanza)
  if (!wasAvailable) return
  const own = availableSessions(turn.account).map(({ resource }) => resource)
  showToOwn(turn, how === 'told' ? [...own, session.resource] : own, stanza)
  const ended = turn.account.sessions.get(session.resource)
  const run = turn.ports.registry.runAll('session.ended', stanza, contextOf(turn, ended))
  performEffects(turn, run.effects, session.resource)
}

/**
 * Ends a session, whatever the reason: unavailable to all, gone from the account and from routing.
 * `acked`: ordinal of the last delivery that its client acknowledged, where its pod has just said so.
 */
export function endSession(turn: Turn, session: Session, acked?: number): void {
  endAvailability(turn, session, presence('unavailable', jidOf(turn, session)), 'gone')
  if (turn.isStarved) return
  const { resource, target } = session
  emitState(turn, { change: 'ended', resource, target, ...(acked === undefined ? {} : { acked }) })
  turn.account = withoutSession(turn.account, resource)
}

/** Ends a session with a stream error, if it has a stream. Source: RFC 6120 §4.9. */
export function kickSession(turn: Turn, session: Session, condition: string, text = ''): void {
  if (session.sm?.isHibernating === true) {
    endSession(turn, session)
    return
  }
  emitState(turn, { change: 'kicked', target: session.target, condition, text })
  endSession(turn, session)
  // R5: what its pod acknowledged before it heard of it stands behind this record
  turn.account = withKicked(turn.account, session)
}

/** Ends the sessions that effects want ended. */
export function performKicks(turn: Turn): void {
  for (let kick = turn.kicks.shift(); kick !== undefined; kick = turn.kicks.shift()) {
    const session = turn.account.sessions.get(kick.resource)
    if (session !== undefined) kickSession(turn, session, kick.error.condition, kick.error.text)
  }
}
