import { fullJid, normalizeResourcepart } from '@starling/jid'
import { errorElement, makeStanza, ns, type StanzaError, stanzaError } from '@starling/stanza'
import type { Bind } from '@starling/wire'
import { xml } from '@starling/xml'
import { type Session, type Slices, sessionOf, withSession } from './account.ts'
import { kickedOf, withoutKicked } from './kicked.ts'
import { endSession, kickSession } from './presence-end.ts'
import { announceSm, beginSm, canResume, hibernate, isHibernating, isResumed, nameOf } from './stream-management.ts'
import { emitState, type Turn, updateSession } from './turn.ts'

/** Binds a resource. Source: RFC 6120 §7; XEP-0386 §3. */
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
  if (kickedOf(turn.account, target) !== undefined) return // so did this, and its session is over
  const own = sessionOf(turn.account, target)
  if (own !== undefined) {
    if (!isResumed(own)) return // this very request came twice
    // R11: routing had lost the session that this connection was to go on with, and refused: its client begins anew
    endSession(turn, own)
    if (turn.isStarved) return
  }
  endDeadSessions(turn, envelope)
  if (turn.isStarved) return
  const resource = head.resource === '' ? madeResource(turn, envelope) : head.resource
  const old = turn.account.sessions.get(resource)
  // R5: the log's order of two binds is not the client's order, the generation is
  if (old !== undefined && head.generation <= old.generation) {
    refuseBind(turn, envelope, stanzaError('conflict', { text: 'a newer connection holds this resource' }))
    return
  }
  // RFC 6120 §7.7.2.2: the newer wins, the older stream ends with conflict (§4.9.3.3)
  if (old !== undefined) kickSession(turn, old, 'conflict', 'replaced by a new connection')
  else if (!makeRoom(turn) && !turn.isStarved) {
    refuseBind(turn, envelope, stanzaError('resource-constraint')) // RFC 6120 §7.6.2.1
    return
  }
  if (turn.isStarved) return
  beginSession(turn, envelope, resource)
}

function beginSession(turn: Turn, { target, head }: Bind, resource: string): void {
  const session: Session = {
    resource,
    target,
    generation: head.generation,
    lang: head.lang,
    count: 0,
    isInterested: false,
    presence: undefined,
    slices: {},
    directed: [],
    sm: head.sm === undefined ? undefined : beginSm(target, 0, head.sm),
  }
  emitState(turn, { change: 'settings', slices: turn.account.slices })
  turn.account = withSession(turn.account, session)
  emitState(turn, { change: 'bound', resource, target, reply: boundReply(turn, head.iqId, resource) })
  announceSm(turn, session)
  const slices = slicesOf(turn, head.features ?? [])
  if (Object.keys(slices).length > 0) updateSession(turn, { ...session, slices })
}

/** Source: RFC 6120 §7.6.1; for Bind 2 the connection-manager writes `<bound/>` (XEP-0386 §3). */
function boundReply(turn: Turn, iqId: string, resource: string): Uint8Array {
  if (iqId === '') return new Uint8Array()
  const payload = xml('bind', { xmlns: ns.bind }, xml('jid', {}, fullJid(turn.account.jid, resource)))
  return makeStanza(xml('iq', { type: 'result', id: iqId }, payload)).raw
}

/** What Bind 2 switches on with the session; what nobody serves is left out. Source: XEP-0386 §3. */
function slicesOf(turn: Turn, features: readonly string[]): Slices {
  const slices: Record<string, Slices[string]> = {}
  for (const feature of features) {
    const found = turn.ports.registry.findBind2(feature)
    if (found !== undefined) slices[found.module] = found.slice
  }
  return slices
}

/**
 * Ends the sessions of an earlier life of the pod that speaks: they died with it (R7), and nobody wrote a drop for each.
 * Those that can be resumed wait for their clients, as after a drop.
 */
function endDeadSessions(turn: Turn, { target }: Bind): void {
  turn.account = withoutKicked(turn.account, ({ slot, epoch }) => slot === target.slot && epoch < target.epoch)
  for (const session of turn.account.sessions.values()) {
    if (turn.isStarved) return
    if (session.target.slot !== target.slot || session.target.epoch >= target.epoch) continue
    if (canResume(session)) hibernate(turn, session)
    else endSession(turn, session)
  }
}

/** Whether one more session may be bound; ends the hibernating ones that stand in its way, the oldest first. */
function makeRoom(turn: Turn): boolean {
  const { maxResources } = turn.ports.limits
  while (maxResources > 0 && turn.account.sessions.size >= maxResources) {
    const waiting = [...turn.account.sessions.values()].filter(isHibernating)
    const [first] = waiting
    if (first === undefined) return false
    // the order of sessions is the store's, the generation is the client's (R5)
    endSession(
      turn,
      waiting.reduce((oldest, one) => (one.generation < oldest.generation ? one : oldest), first),
    )
    if (turn.isStarved) return false
  }
  return true
}

/** Refuses a bind: the connection goes on without a resource; with Bind 2 it cannot, since it has signed in by the same step. */
export function refuseBind(turn: Turn, { target, head }: Bind, error: StanzaError): void {
  if (head.iqId === '') {
    const { condition, text = '' } = error
    // RFC 6120 §4.9.3.17; what else there is, is a stanza's and no stream's
    const known = condition === 'resource-constraint' || condition === 'conflict' ? condition : 'internal-server-error'
    emitState(turn, { change: 'kicked', target, condition: known, text })
    return
  }
  const reply = makeStanza(xml('iq', { type: 'error', id: head.iqId }, errorElement(error))).raw
  emitState(turn, { change: 'refused', target, reply })
}

/**
 * A resource of the server's making, unique in the account; after the client's word for itself, if it said one.
 * Source: RFC 6120 §7.6; XEP-0386 §3, whose form it has.
 */
function madeResource(turn: Turn, { target, head }: Bind): string {
  const { tag = '' } = head
  const tagged = normalizeResourcepart(`${tag}/${nameOf(target)}`)
  const name = tag !== '' && tagged.ok ? tagged.value : `starling-${nameOf(target)}`
  let resource = name
  for (let n = 2; turn.account.sessions.has(resource); n++) resource = `${name}-${n}`
  return resource
}
