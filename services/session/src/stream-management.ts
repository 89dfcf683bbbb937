import { hibernationName } from '@starling/core'
import type { Enable, EnableHead, Expire, Remembered, Resume, Target } from '@starling/wire'
import { isSameTarget, type Session, type StreamManagement, sessionOf, withSession } from './account.ts'
import { withOver } from './kicked.ts'
import { endSession } from './presence-end.ts'
import { emitState, type Turn } from './turn.ts'

/** What became of a request of stream management. `repeated`: it is in force already. */
export type SmFate = 'handled' | 'no-session' | 'repeated'

/**
 * Names a connection for outside: unique for as long as the log is, and equal however often and wherever in the inbox the
 * request is handled (R3). So an SM-ID and a made resource derive from it, and not from the place of their record.
 */
export function nameOf({ slot, epoch, connection }: Target): string {
  return [slot, epoch, connection].map((number) => number.toString(36)).join('-')
}

/** What a session begins stream management with. Order: stanzas accepted so far are not counted. Source: XEP-0198 §4. */
export function beginSm(target: Target, count: number, { maxSeconds }: EnableHead): StreamManagement {
  return { id: nameOf(target), base: count, maxSeconds, isHibernating: false }
}

/** Tells routing that deliveries are numbered from here on (R5). */
export function announceSm(turn: Turn, { resource, target, sm }: Session): void {
  if (sm === undefined) return
  emitState(turn, { change: 'enabled', resource, target, smId: sm.id, maxSeconds: sm.maxSeconds })
}

/** Enables stream management for a session. Source: XEP-0198 §3. */
export function handleEnable(turn: Turn, { target, head }: Enable): SmFate {
  const session = sessionOf(turn.account, target)
  if (session === undefined) return 'no-session'
  // XEP-0198 §3: at most once; the connection-manager answers for a second one
  if (session.sm !== undefined) return 'repeated'
  const managed: Session = { ...session, sm: beginSm(target, session.count, head) }
  turn.account = withSession(turn.account, managed)
  announceSm(turn, managed)
  return 'handled'
}

/** Whether a session stays when its connection ends. */
export function canResume({ sm }: Session): boolean {
  return sm !== undefined && sm.maxSeconds > 0
}

/** Whether a session began on another connection than it has. */
export function isResumed({ sm, target }: Session): boolean {
  return sm !== undefined && sm.id !== nameOf(target)
}

/** Whether a session waits for its client. */
export function isHibernating({ sm }: Session): boolean {
  return sm?.isHibernating === true
}

/**
 * Keeps a session whose connection ended, for as long as was promised. It stays as available as it was.
 * Source: XEP-0198 §7 (the session is maintained on behalf of the client); R6.
 * `acked`: ordinal of the last delivery that its client acknowledged, where its pod has just said so.
 */
export function hibernate(turn: Turn, session: Session, acked?: number): void {
  const { sm, target, resource } = session
  if (sm === undefined) return
  const hibernated = { change: 'hibernated', resource, target, ...(acked === undefined ? {} : { acked }) } as const
  if (sm.isHibernating) {
    // thought dead before its own pod could speak, which alone knows what its client acknowledged
    if (acked !== undefined) emitState(turn, hibernated)
    return
  }
  turn.account = withSession(turn.account, { ...session, sm: { ...sm, isHibernating: true } })
  const name = hibernationName(target, turn.account.jid)
  turn.hibernations.push({ name, endsAtMs: turn.nowMs + sm.maxSeconds * 1000 })
  emitState(turn, hibernated)
}

/**
 * Goes on with a session on another connection (R5).
 * Source: XEP-0198 §5.
 * Order: never asks for the roster; what waits for it already, this waits behind.
 */
export function handleResume(turn: Turn, { target, head }: Resume): SmFate {
  const session = [...turn.account.sessions.values()].find(({ sm }) => sm?.id === head.smId)
  if (session?.sm === undefined) {
    refuseResume(turn, target)
    return 'no-session'
  }
  if (isSameTarget(session.target, target)) return 'repeated' // this very request came twice
  const { sm, count, resource, target: old } = session
  const counted = (count - sm.base) % countModulus
  // R5: the log's order of two resumes is not the client's order, the generation is
  const isYounger = head.generation > session.generation
  if (!canResume(session) || !isYounger || sessionOf(turn.account, target) !== undefined) {
    refuseResume(turn, target, counted)
    return 'handled'
  }
  if (!sm.isHibernating) {
    // XEP-0198 §5: the old stream is still open
    emitState(turn, { change: 'kicked', target: old, condition: 'conflict', text: 'resumed by a new connection' })
  }
  const { generation, lang, h, smId } = head
  // R11: else what it still sends would be believed, beside what the client sends again here
  if (turn.isForgetful) turn.account = withOver(turn.account, old)
  turn.account = withSession(turn.account, {
    ...session,
    target,
    generation,
    lang,
    sm: { ...sm, isHibernating: false },
  })
  const { maxSeconds } = sm
  const counts = { h, count: counted, ordinal: count, maxSeconds }
  emitState(turn, { change: 'resumed', resource, smId, target, old, ...counts, remembered: rememberedOf(session) })
  return 'handled'
}

/** What the session's pod is to remember of it (R11). */
function rememberedOf({ presence, isInterested, slices }: Session): Remembered {
  return { isInterested, slices, ...(presence === undefined ? {} : { presence: presence.raw }) }
}

/** Refuses to resume; `h`: the count of a session that is known. Source: XEP-0198 §5. */
export function refuseResume(turn: Turn, target: Target, h?: number): void {
  emitState(turn, { change: 'resumeRefused', target, ...(h === undefined ? {} : { h }) })
}

/** Source: XEP-0198 §4: `h` begins again at 0 there. */
const countModulus = 2 ** 32

/** Ends a hibernation whose time is over, unless the client came back to the session (R6). */
export function handleExpire(turn: Turn, { target }: Expire): SmFate {
  const session = sessionOf(turn.account, target)
  if (session === undefined || !isHibernating(session)) return 'no-session'
  endSession(turn, session)
  return 'handled'
}
