import { bareOf } from '@starling/jid'
import { isRequest, type Stanza, stanzaError } from '@starling/stanza'
import type { Answered, FromClient } from '@starling/wire'
import { type Kicked, type Session, sessionOf } from './account.ts'
import { contextOf } from './context.ts'
import { performEffects } from './effects.ts'
import { handleRequest } from './iq.ts'
import { kickedOf, withKicked, withKickedCount } from './kicked.ts'
import { handlePresence, rememberDirected } from './presence-sent.ts'
import { areaOf, routeOut } from './route-out.ts'
import { handleAsStandIn, standInFor } from './stand-in.ts'
import { addressed } from './stanza-edit.ts'
import { handleOutbound } from './subscription-out.ts'
import { isSubscription } from './subscription-table.ts'
import { deliver, deliverOwn, emit, refuseOwn, type Turn, updateSession } from './turn.ts'

/** What became of a client's stanza. */
export type ClientFate = 'handled' | 'no-session' | 'out-of-order'

/**
 * Handles a stanza of one of our clients.
 * Order: accepted only from the session's connection and at the next ordinal (R5); else it is dropped.
 */
export function handleClient(turn: Turn, envelope: FromClient): ClientFate {
  const session = acceptedBy(turn, envelope)
  if (typeof session === 'string') return session
  const { stanza } = envelope
  if (turn.account.sessions.has(session.resource)) send(turn, session, stanza)
  else handleAsStandIn(turn, session, stanza, (readdressed) => send(turn, session, readdressed))
  return 'handled'
}

function send(turn: Turn, session: Session, sent: Stanza): void {
  const { resource } = session
  const run = turn.ports.registry.runAll('session.sent', sent, contextOf(turn, session))
  performEffects(turn, run.effects, resource)
  if (run.isStopped) {
    if (run.error !== undefined) refuseOwn(turn, resource, sent, run.error)
    return
  }
  const current = turn.account.sessions.get(resource)
  if (current === undefined) return
  const { stanza } = run
  switch (stanza.kind) {
    case 'message':
      sendMessage(turn, resource, stanza)
      break
    case 'presence':
      sendPresence(turn, current, stanza)
      break
    case 'iq':
      sendIq(turn, current, stanza)
      break
    default:
      stanza.kind satisfies never
  }
}

/**
 * Handles a stanza that the connection's pod dealt with: it counts as any, and the answer goes the way of all answers (R4).
 * Order: accepted as `handleClient` accepts.
 */
export function handleAnswered(turn: Turn, envelope: Answered): ClientFate {
  const session = acceptedBy(turn, envelope)
  if (typeof session === 'string') return session
  const { resource } = session
  if (envelope.stanza !== undefined && turn.account.sessions.has(resource)) deliverOwn(turn, resource, envelope.stanza)
  return 'handled'
}

/**
 * Counts the stanza for its session; why not, when it is not the session's next. A kicked connection has a stand-in for its
 * session, which is not among the account's.
 * Order: also after the drop of a session that hibernates, until another connection takes it: a pod whose lease presence forgot
 * may have acknowledged it, and else it is part of the `h` that its client is told (R5, R11).
 */
export function acceptedBy(turn: Turn, envelope: FromClient | Answered): Session | 'no-session' | 'out-of-order' {
  const { target, ordinal } = envelope
  const session = sessionOf(turn.account, target)
  const known = session ?? kickedOf(turn.account, target) ?? forgottenOf(turn, envelope)
  if (known === undefined) return 'no-session'
  if (!turn.account.isLoaded) turn.isStarved = true // presence lost a part of it, or all (R11)
  if (ordinal !== known.count + 1) return 'out-of-order'
  if (session === undefined) {
    const account = known === kickedOf(turn.account, target) ? turn.account : withKicked(turn.account, known)
    turn.account = withKickedCount(account, { target, count: ordinal })
    return standInFor(turn, { target, count: ordinal })
  }
  const counted = { ...session, count: ordinal }
  updateSession(turn, counted)
  return counted
}

/**
 * A connection whose session presence forgot: until its pod tells of it again, what it sends does what a kicked connection's does, for
 * its pod acknowledged it (R11, ADR 9).
 */
function forgottenOf(turn: Turn, { target, ordinal }: FromClient | Answered): Kicked | undefined {
  return turn.isForgetful && turn.exists ? { target, count: ordinal - 1 } : undefined
}

/** Source: RFC 6121 §5, §8; RFC 6120 §10. */
function sendMessage(turn: Turn, resource: string, stanza: Stanza): void {
  const { jid: account } = turn.account
  const area = areaOf(stanza.to, turn.ports.isServed)
  if (area === 'domain') {
    // RFC 6120 §10.5.1 leaves it to us: nobody reads messages to the domain
    if (stanza.type !== 'headline') refuseOwn(turn, resource, stanza, stanzaError('service-unavailable'))
    return
  }
  if (area === 'remote') {
    refuseOwn(turn, resource, stanza, stanzaError('remote-server-not-found'))
    return
  }
  if (stanza.type !== 'error') emit(turn, 'routing', { kind: 'sent', key: account, atMs: turn.nowMs, stanza })
  // RFC 6120 §10.3.1: without `to` it is for the account's own bare JID
  deliver(
    turn,
    stanza.to === '' ? account : bareOf(stanza.to),
    stanza.to === '' ? addressed(stanza, { to: account }) : stanza,
  )
}

/** Source: RFC 6121 §3, §4. */
function sendPresence(turn: Turn, session: Session, stanza: Stanza): void {
  if (isSubscription(stanza.type)) {
    handleOutbound(turn, session, stanza, stanza.type)
    return
  }
  const isBroadcast = stanza.type === '' || stanza.type === 'unavailable'
  if (stanza.to === '') {
    if (isBroadcast) handlePresence(turn, session, stanza)
    return // RFC 6120 §10.3.2: an error or a probe for nobody
  }
  const area = areaOf(stanza.to, turn.ports.isServed)
  if (area === 'domain') return // nobody watches there
  if (area !== 'remote' && isBroadcast && !rememberDirected(turn, session, stanza)) return
  const error = routeOut(turn, stanza)
  if (error !== undefined) refuseOwn(turn, session.resource, stanza, error)
}

/** Source: RFC 6120 §8.2.3, §10.3.3; RFC 6121 §8.5. */
function sendIq(turn: Turn, session: Session, stanza: Stanza): void {
  const { resource } = session
  const area = areaOf(stanza.to, turn.ports.isServed)
  const isOwn = area === 'none' || stanza.to === turn.account.jid
  if (!isRequest(stanza)) {
    // a result or an error goes to the full JID it names; the server waits for none
    if (area === 'resource') routeOut(turn, stanza)
    return
  }
  const replies = {
    answer: (reply: Stanza): void => deliverOwn(turn, resource, reply),
    refuse: (error: Parameters<typeof refuseOwn>[3]): void => refuseOwn(turn, resource, stanza, error),
  }
  if (isOwn) {
    handleRequest(turn, stanza, { scope: 'self', session, replies })
    return
  }
  if (area === 'domain') {
    handleRequest(turn, stanza, { scope: 'domain', session, replies })
    return
  }
  const error = routeOut(turn, stanza)
  if (error !== undefined) replies.refuse(error)
}
