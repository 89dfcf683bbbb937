import type { Reassert } from '@starling/wire'
import { isSameTarget, type Session, type StreamManagement, sessionOf, withSession } from './account.ts'
import { withoutKicked } from './kicked.ts'
import { kickSession } from './presence-end.ts'
import { priorityOf } from './presence-sent.ts'
import { presenceFrom } from './stanza-edit.ts'
import { announceSm, nameOf, type SmFate } from './stream-management.ts'
import { emitState, type Turn } from './turn.ts'

/**
 * Takes a living connection's session from what its pod remembers, since presence forgot it (R11, ADR 9). Contacts are told nothing: to
 * them it was there all along.
 * Order: true at its place in the log, so what the pod says replaces what is known.
 */
export function handleReassert(turn: Turn, envelope: Reassert): SmFate {
  const { target, head } = envelope
  if (!turn.account.isLoaded) {
    turn.isStarved = true
    return 'handled'
  }
  if (!turn.exists) {
    emitState(turn, { change: 'kicked', target, condition: 'not-authorized', text: 'the account is gone' })
    return 'handled'
  }
  const holder = turn.account.sessions.get(head.resource)
  if (holder !== undefined && !isSameTarget(holder.target, target)) {
    // R5: the log's order of the two is not the client's order, the generation is
    if (holder.generation >= head.generation) {
      emitState(turn, { change: 'kicked', target, condition: 'conflict', text: 'replaced by a new connection' })
      return 'handled'
    }
    kickSession(turn, holder, 'conflict', 'replaced by a new connection')
    if (turn.isStarved) return 'handled'
  }
  restore(turn, sessionFrom(envelope, sessionOf(turn.account, target)), head.sm)
  return 'handled'
}

function restore(turn: Turn, session: Session, told: Reassert['head']['sm']): void {
  const { resource, target, presence, slices, sm } = session
  // Until now its stanzas were taken as a kicked connection's
  turn.account = withSession(
    withoutKicked(turn.account, (one) => isSameTarget(one, target)),
    session,
  )
  emitState(turn, { change: 'settings', slices: turn.account.slices })
  const isOn = told !== undefined && told.id !== ''
  emitState(turn, {
    change: 'restored',
    resource,
    target,
    isAvailable: presence !== undefined,
    priority: presence?.priority ?? 0,
    slices,
    ...(isOn && sm !== undefined
      ? { sm: { id: sm.id, maxSeconds: sm.maxSeconds, written: told.written, acked: told.acked } }
      : {}),
  })
  if (!isOn) announceSm(turn, session)
}

function sessionFrom({ target, ordinal, head }: Reassert, known: Session | undefined): Session {
  const stanza = head.presence === undefined ? undefined : presenceFrom(head.presence)
  const priority = stanza === undefined ? undefined : priorityOf(stanza)
  return {
    resource: head.resource,
    target,
    generation: head.generation,
    lang: head.lang,
    count: ordinal,
    isInterested: head.isInterested,
    // A priority that is none was refused by the session stage: that presence never counted
    presence: head.presence === undefined || priority === undefined ? undefined : { priority, raw: head.presence },
    slices: { ...known?.slices, ...head.slices },
    directed: known?.directed ?? [],
    sm: head.sm === undefined ? known?.sm : smFrom(head.sm, { target, known: known?.sm }),
  }
}

function smFrom(
  { id, base, maxSeconds }: NonNullable<Reassert['head']['sm']>,
  { target, known }: { readonly target: Reassert['target']; readonly known: StreamManagement | undefined },
): StreamManagement {
  return known ?? { id: id === '' ? nameOf(target) : id, base, maxSeconds, isHibernating: false }
}
