import type { State, StateChange } from '@starling/wire'
import {
  type RoutedSession,
  type SmSession,
  sameTarget,
  takesMessages,
  withoutSession,
  withSession,
} from './account.ts'
import { type HeldLimits, isFull } from './audience.ts'
import { type EndingContext, endQueue } from './ending.ts'
import { decodeEntry } from './queue-entry.ts'
import { asHandled, handledUpTo, lostAbove, maxEntries, unacked } from './queued.ts'

/** What taking a change needs to know. */
export interface StateContext extends EndingContext {
  readonly limits: HeldLimits
}

type Change<K extends StateChange['change']> = Extract<StateChange, { change: K }>

/**
 * Takes a change of an account's sessions (R5) and does what shows of it.
 * Order: a session's beginning may be told twice, at two places: by an owner of the session stage that died before it saved, and
 * by the next, who had to fetch the roster first. What is in force stays so.
 */
export function changeState({ head, key, atMs }: State, context: StateContext): void {
  const { at, outputs } = context
  if ('resource' in head) at.touched.add(head.resource)
  switch (head.change) {
    case 'settings':
      at.now = { ...at.now, slices: head.slices }
      return
    case 'bound':
      bound(head, { key, atMs }, context)
      return
    case 'updated':
      updated(head, { key, atMs }, context)
      return
    case 'ended': {
      const session = sessionAt(head, context)
      if (session === undefined) return
      at.now = withoutSession(at.now, head.resource)
      endQueue(withAcked(session, head.acked), context)
      return
    }
    case 'kicked': {
      const { target, condition, text } = head
      outputs.emit('pod', { kind: 'close', key: '', atMs, target, head: { condition, text } })
      return
    }
    case 'refused':
      outputs.write(head.target, head.reply)
      return
    case 'enabled':
      enabled(head, context)
      return
    case 'hibernated': {
      const session = sessionAt(head, context)
      if (session?.sm === undefined) return
      if (session.sm.hibernation !== undefined) {
        at.now = withSession(at.now, head.resource, withAcked(session, head.acked))
        return
      }
      const sm = { ...session.sm, hibernation: { from: session.sm.last, bytes: 0 } }
      at.now = withSession(at.now, head.resource, withAcked({ ...session, sm }, head.acked))
      return
    }
    case 'restored':
      restored(head, { key, atMs }, context)
      return
    case 'resumed':
      resumed(head, { key, atMs }, context)
      return
    case 'resumeRefused':
      outputs.signal(head.target, { signal: 'resumeRefused', ...(head.h === undefined ? {} : { h: head.h }) })
      return
    default:
      head satisfies never
  }
}

interface From {
  readonly key: string
  readonly atMs: number
}

/** The session that a change speaks of; none when a newer connection holds the resource: then it speaks of the older one. */
function sessionAt(
  { resource, target }: Change<'ended' | 'hibernated' | 'enabled'>,
  { at }: StateContext,
): RoutedSession | undefined {
  const session = at.now.sessions.get(resource)
  return session !== undefined && sameTarget(session.target, target) ? session : undefined
}

/**
 * The session with what its pod says was acknowledged: what the queue holds may be older, as an acknowledgement may come before
 * its entry is stored.
 */
function withAcked(session: RoutedSession, acked = 0): RoutedSession {
  const { sm } = session
  if (sm === undefined || acked <= sm.acked) return session
  return { ...session, sm: { ...sm, acked: Math.min(acked, sm.last) } }
}

function bound({ resource, target, reply }: Change<'bound'>, { key, atMs }: From, context: StateContext): void {
  const { at, outputs } = context
  const replaced = at.now.sessions.get(resource)
  if (replaced !== undefined && sameTarget(replaced.target, target)) return // told again
  at.now = withSession(at.now, resource, { target, isAvailable: false, priority: 0, slices: {} })
  outputs.emit('pod', { kind: 'bound', key: '', atMs, target, head: { jid: `${key}/${resource}` }, raw: reply })
  if (replaced !== undefined) endQueue(replaced, context)
}

function updated(
  { resource, isAvailable, priority, slices }: Change<'updated'>,
  { key, atMs }: From,
  { at, outputs }: StateContext,
): void {
  const session = at.now.sessions.get(resource)
  if (session === undefined) return
  const after: RoutedSession = { ...session, isAvailable, priority, slices }
  at.now = withSession(at.now, resource, after)
  // XEP-0160 §2: offline messages go to the first resource that takes messages. A stanza on its way shows no difference.
  if (takesMessages(after) && !takesMessages(session)) {
    outputs.emit('storage', { kind: 'flush', key, atMs, head: { resource } })
  }
}

/** XEP-0198 §3, §4: counting starts here, at 0, on both sides. */
function enabled(head: Change<'enabled'>, context: StateContext): void {
  const session = sessionAt(head, context)
  if (session === undefined || session.sm !== undefined) return
  const { smId, maxSeconds, resource, target } = head
  const { at, outputs } = context
  at.now = withSession(at.now, resource, { ...session, sm: { id: smId, maxSeconds, last: 0, acked: 0 } })
  outputs.signal(target, { signal: 'enabled', smId, maxSeconds })
}

/**
 * Takes a living connection's session anew that presence had forgotten (R11). What came meanwhile went offline, and follows now.
 * Order: behind the `recount` of its pod, so that whatever was numbered before was written or is among what was written.
 */
function restored(head: Change<'restored'>, { key, atMs }: From, context: StateContext): void {
  const { at, outputs } = context
  const { resource, target, isAvailable, priority, slices, sm } = head
  const before = at.now.sessions.get(resource)
  const isKnown = before !== undefined && sameTarget(before.target, target)
  const counts: SmSession | undefined =
    sm === undefined
      ? undefined
      : { id: sm.id, maxSeconds: sm.maxSeconds, last: sm.written, acked: sm.acked, lostTo: sm.written }
  const managed = (isKnown ? before.sm : undefined) ?? counts
  const after: RoutedSession = {
    target,
    isAvailable,
    priority,
    slices,
    ...(managed === undefined ? {} : { sm: managed }),
  }
  at.now = withSession(at.now, resource, after)
  if (before !== undefined && !isKnown) endQueue(before, context)
  if (takesMessages(after) && !(isKnown && takesMessages(before))) {
    outputs.emit('storage', { kind: 'flush', key, atMs, head: { resource } })
  }
}

/**
 * Goes on with a session on another connection: tells it where the client stands, and sends again what it does not have, before
 * all that comes later. Source: XEP-0198 §5; R5.
 */
function resumed(head: Change<'resumed'>, { key, atMs }: From, context: StateContext): void {
  const { at, outputs, limits, queued } = context
  const { resource, smId, target, h, count, ordinal, maxSeconds, remembered } = head
  const session = at.now.sessions.get(resource)
  if (session?.sm === undefined || session.sm.id !== smId) {
    // Presence has lost what the session stage still knows (R11): the client may bind anew
    outputs.signal(target, { signal: 'resumeRefused' })
    return
  }
  if (sameTarget(session.target, target)) return // told again
  const { sm } = session
  const { last } = sm
  const handled = handledUpTo(sm, h)
  if (!handled.ok) {
    // XEP-0198 §4: the connection will be closed; the session waits on under its target
    const hibernation = sm.hibernation ?? { from: last, bytes: 0 }
    at.now = withSession(at.now, resource, { ...session, target, sm: { ...sm, maxSeconds, hibernation } })
    outputs.signal(target, { signal: 'handledTooHigh', h, sent: asHandled(last) })
    return
  }
  const { acked } = handled
  if (lostAbove(sm, acked) > 0) {
    // R11: the client would wait for what no queue holds; it may bind anew, and is given what there is
    const hibernation = sm.hibernation ?? { from: last, bytes: 0 }
    at.now = withSession(at.now, resource, { ...session, target, sm: { ...sm, maxSeconds, acked, hibernation } })
    outputs.signal(target, { signal: 'resumeRefused', h: count })
    return
  }
  const entries = unacked(queued, at, sm, acked)
  const after: RoutedSession = { ...session, target, sm: { id: smId, maxSeconds, last, acked } }
  at.now = withSession(at.now, resource, after)
  at.trimmed.push({ account: at.account, queue: smId, ordinal: acked })
  const jid = `${key}/${resource}`
  outputs.signal(target, {
    signal: 'resumed',
    smId,
    jid,
    maxSeconds,
    count,
    ordinal,
    acked,
    ...(remembered === undefined ? {} : { remembered }),
  })
  // What came while it was full went offline (XEP-0160 §2)
  if (takesMessages(after) && isFull(session, limits)) {
    outputs.emit('storage', { kind: 'flush', key, atMs, head: { resource } })
  }
  for (const { ordinal: own, bytes } of entries) {
    // Numbered by its ordinal, like what a session's end hands on
    const number = own - acked + 1
    const entry = decodeEntry(bytes)
    if (entry !== undefined && number <= maxEntries) outputs.resend(target, own, entry, number)
  }
}
