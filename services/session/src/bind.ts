import { fullJid } from '@starling/jid'
import { errorElement, makeStanza, ns, type StanzaError, stanzaError } from '@starling/stanza'
import type { Bind } from '@starling/wire'
import { xml } from '@starling/xml'
import { sessionOf, withSession } from './account.ts'
import { endSession, kickSession } from './presence-end.ts'
import { emitState, type Turn } from './turn.ts'

/** Binds a resource. Source: RFC 6120 §7. */
export function handleBind(turn: Turn, envelope: Bind): void {
  const { target, head } = envelope
  if (!turn.account.isLoaded) {
    turn.isStarved = true
    return
  }
  if (!turn.exists) {
    // the account went while its client signed in
    emitState(turn, { change: 'kicked', target, condition: 'not-authorized', text: 'the account is gone' })
    return
  }
  if (sessionOf(turn.account, target) !== undefined) return // this very request came twice
  if (!endDeadSessions(turn, envelope)) return
  const resource = head.resource === '' ? madeResource(turn) : head.resource
  const old = turn.account.sessions.get(resource)
  // R5: the log's order of two binds is not the client's order, the generation is
  if (old !== undefined && head.generation <= old.generation) {
    refuseBind(turn, envelope, stanzaError('conflict', { text: 'a newer connection holds this resource' }))
    return
  }
  const { maxResources } = turn.ports.limits
  if (old === undefined && maxResources > 0 && turn.account.sessions.size >= maxResources) {
    refuseBind(turn, envelope, stanzaError('resource-constraint')) // RFC 6120 §7.6.2.1
    return
  }
  if (old !== undefined) {
    // RFC 6120 §7.7.2.2: the newer wins, the older stream ends with conflict (§4.9.3.3)
    kickSession(turn, old, 'conflict', 'replaced by a new connection')
    if (turn.isStarved) return
  }
  emitState(turn, { change: 'settings', slices: turn.account.slices })
  turn.account = withSession(turn.account, {
    resource,
    target,
    generation: head.generation,
    lang: head.lang,
    count: 0,
    isInterested: false,
    presence: undefined,
    slices: {},
    directed: [],
  })
  const jid = fullJid(turn.account.jid, resource)
  const payload = xml('bind', { xmlns: ns.bind }, xml('jid', {}, jid))
  const reply = makeStanza(xml('iq', { type: 'result', id: head.iqId }, payload)).raw // RFC 6120 §7.6.1
  emitState(turn, { change: 'bound', resource, target, reply })
}

/**
 * Ends the sessions of an earlier life of the pod that speaks: they died with it (R7), and nobody wrote a drop for each.
 * Returns false when the roster has to be fetched first.
 */
function endDeadSessions(turn: Turn, { target }: Bind): boolean {
  for (const session of turn.account.sessions.values()) {
    if (session.target.slot === target.slot && session.target.epoch < target.epoch) endSession(turn, session)
    if (turn.isStarved) return false
  }
  return true
}

/** Refuses a bind: the connection goes on without a resource. */
export function refuseBind(turn: Turn, { target, head }: Bind, error: StanzaError): void {
  const reply = makeStanza(xml('iq', { type: 'error', id: head.iqId }, errorElement(error))).raw
  emitState(turn, { change: 'refused', target, reply })
}

/** A resource of the server's making: the place of the request, so equal on replay and unique in the account. */
function madeResource(turn: Turn): string {
  const { offset, index } = turn.place
  const name = `starling-${offset.toString(36)}-${index.toString(36)}`
  let resource = name
  for (let n = 2; turn.account.sessions.has(resource); n++) resource = `${name}-${n}`
  return resource
}
