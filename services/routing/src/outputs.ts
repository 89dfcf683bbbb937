import type { Input, Output } from '@starling/core'
import { bareOf, type Jid } from '@starling/jid'
import { errorReply, type Stanza, type StanzaError } from '@starling/stanza'
import type { Envelope, Recipient, SignalHead, Target } from '@starling/wire'
import { type RoutedSession, type SmSession, withSession } from './account.ts'
import { isConnected } from './audience.ts'
import { type Entry, encodeEntry } from './queue-entry.ts'
import type { Working } from './working.ts'

/** One session that gets a stanza; `to` other than '' is written into it by the pod. */
export interface Receiver {
  readonly at: Working
  readonly resource: string
  readonly to: string
}

/** What is delivered, and what is to be remembered of it until it is acknowledged. */
export type Parcel = Omit<Entry, 'to'>

/** Collects what one input causes, in order. */
export interface Outputs {
  readonly list: readonly Output[]
  /** Bytes for a connection that has no session. */
  readonly write: (target: Target, raw: Uint8Array) => void
  /** The same bytes for several sessions, one output a pod; each session with stream management counts them and keeps them (R4). */
  readonly deliver: (receivers: readonly Receiver[], parcelFor: (session: RoutedSession) => Parcel) => void
  /** Several stanzas for one session, packed as one output; it counts and keeps each of them (R4). */
  readonly bundle: (receiver: Receiver, parcels: readonly Parcel[], raw: Uint8Array) => void
  /** `number`: see `Output`. */
  readonly emit: (to: Output['to'], envelope: Envelope, number?: number) => void
  readonly signal: (target: Target, head: SignalHead) => void
  /** One entry of a queue again, under its old number (R5). */
  readonly resend: (target: Target, ordinal: number, entry: Entry, number: number) => void
  /** Answers the sender with an error, where one may be answered. */
  readonly bounce: (stanza: Stanza, error: StanzaError, number?: number) => void
}

/** What collecting needs to know. */
export interface OutputsContext {
  readonly isLocal: (jid: Jid) => boolean
  readonly isDead: (target: Target) => boolean
}

/** An empty collection for an input. */
export function outputsOf(cause: Input, { isLocal, isDead }: OutputsContext): Outputs {
  const list: Output[] = []
  const { atMs } = cause.envelope
  const stampMs = isLate(cause.envelope) ? 0 : atMs
  const emit: Outputs['emit'] = (to, envelope, number) => {
    list.push({ cause, to, envelope, ...(number === undefined ? {} : { number }) })
  }
  const output = (
    { slot, epoch }: Pick<Target, 'slot' | 'epoch'>,
    recipients: readonly Recipient[],
    raw: Uint8Array,
    number?: number,
  ): void => emit('pod', { kind: 'output', key: '', atMs: stampMs, slot, epoch, recipients, raw }, number)
  return {
    list,
    emit,
    write: (target, raw) => output(target, [{ connection: target.connection, to: '' }], raw),
    deliver: (receivers, parcelFor) => {
      const pods: { slot: number; epoch: number; recipients: Recipient[]; raw: Uint8Array }[] = []
      for (const { at, resource, to } of receivers) {
        const session = at.now.sessions.get(resource)
        if (session === undefined) continue
        const parcel = parcelFor(session)
        const { slot, epoch, connection } = session.target
        const isWritten = isConnected(session, isDead)
        const { sm } = session
        if (sm !== undefined) count(at, resource, session, encodeEntry({ ...parcel, to }), isWritten)
        if (!isWritten) continue
        const recipient = sm === undefined ? { connection, to } : { connection, to, ordinal: sm.last + 1 }
        const pod = pods.find((some) => some.slot === slot && some.epoch === epoch)
        if (pod === undefined) pods.push({ slot, epoch, recipients: [recipient], raw: parcel.raw })
        else pod.recipients.push(recipient)
      }
      for (const pod of pods) output(pod, pod.recipients, pod.raw)
    },
    bundle: ({ at, resource, to }, parcels, raw) => {
      const first = at.now.sessions.get(resource)
      if (first === undefined) return
      const isWritten = isConnected(first, isDead)
      for (const parcel of parcels) {
        const session = at.now.sessions.get(resource)
        if (session?.sm !== undefined) count(at, resource, session, encodeEntry({ ...parcel, to }), isWritten)
      }
      if (!isWritten) return
      const { slot, epoch, connection } = first.target
      const ordinal = first.sm === undefined ? {} : { ordinal: first.sm.last + 1 }
      const recipients = [{ connection, to, ...ordinal }]
      emit('pod', { kind: 'outputBundle', key: '', atMs: stampMs, slot, epoch, recipients, raw })
    },
    signal: (target, head) => emit('pod', { kind: 'signal', key: '', atMs, target, head }),
    resend: (target, ordinal, { to, raw }, number) =>
      output(target, [{ connection: target.connection, to, ordinal }], raw, number),
    bounce: (stanza, error, number) => {
      const reply = errorReply(stanza, error)
      // To a remote sender nothing goes yet: federation brings its inbox.
      if (reply === undefined || reply.to === '' || !isLocal(reply.to)) return
      emit('routing', { kind: 'deliver', key: bareOf(reply.to), atMs, stanza: reply, head: { isOwn: true } }, number)
    },
  }
}

/** Whether what an envelope brings waited to be had: then its time says nothing about the way. */
function isLate(envelope: Envelope): boolean {
  if (envelope.kind === 'state') return envelope.head.change === 'resumed'
  if (envelope.kind === 'bundle') return true
  return envelope.kind === 'deliver' && (envelope.head?.isReplay ?? false)
}

/** R4: the delivery takes the session's next ordinal and waits in its queue. A connection found dead begins a hibernation. */
function count(at: Working, resource: string, session: RoutedSession, bytes: Uint8Array, isWritten: boolean): void {
  const { sm } = session
  if (sm === undefined) return
  const ordinal = sm.last + 1
  at.appended.push({ queue: sm.id, entry: { ordinal, bytes } })
  const held = sm.hibernation ?? { from: sm.last, bytes: 0 }
  const next: SmSession = isWritten
    ? { ...sm, last: ordinal }
    : { ...sm, last: ordinal, hibernation: { from: held.from, bytes: held.bytes + bytes.length } }
  at.now = withSession(at.now, resource, { ...session, sm: next })
}
