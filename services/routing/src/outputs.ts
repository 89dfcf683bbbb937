import type { Input, Output } from '@starling/core'
import { bareOf, type Jid } from '@starling/jid'
import { errorReply, type Stanza, type StanzaError } from '@starling/stanza'
import type { Envelope, Recipient, Target } from '@starling/wire'
import type { RoutedSession } from './account.ts'

/** Collects what one input causes, in order. */
export interface Outputs {
  readonly list: readonly Output[]
  /** Bytes for one connection. */
  readonly write: (target: Target, raw: Uint8Array) => void
  /** The same bytes for several sessions, one output a pod; `to` other than '' is written into each. */
  readonly writeAll: (
    sessions: readonly { readonly session: RoutedSession; readonly to: string }[],
    raw: Uint8Array,
  ) => void
  readonly emit: (to: Output['to'], envelope: Envelope) => void
  /** Answers the sender with an error, where one may be answered. */
  readonly bounce: (stanza: Stanza, error: StanzaError) => void
}

/** An empty collection for an input. */
export function outputsOf(cause: Input, isLocal: (jid: Jid) => boolean): Outputs {
  const list: Output[] = []
  const { atMs } = cause.envelope
  const emit: Outputs['emit'] = (to, envelope) => {
    list.push({ cause, to, envelope })
  }
  const output = (slot: number, epoch: number, recipients: readonly Recipient[], raw: Uint8Array): void =>
    emit('pod', { kind: 'output', key: '', atMs, slot, epoch, recipients, raw })
  return {
    list,
    emit,
    write: ({ slot, epoch, connection }, raw) => output(slot, epoch, [{ connection, to: '' }], raw),
    writeAll: (sessions, raw) => {
      const pods = new Map<string, { slot: number; epoch: number; recipients: Recipient[] }>()
      for (const { session, to } of sessions) {
        const { slot, epoch, connection } = session.target
        const pod = pods.get(`${slot} ${epoch}`) ?? { slot, epoch, recipients: [] }
        pod.recipients.push({ connection, to })
        pods.set(`${slot} ${epoch}`, pod)
      }
      for (const { slot, epoch, recipients } of pods.values()) output(slot, epoch, recipients, raw)
    },
    bounce: (stanza, error) => {
      const reply = errorReply(stanza, error)
      // To a remote sender nothing goes yet: federation brings its inbox.
      if (reply === undefined || reply.to === '' || !isLocal(reply.to)) return
      emit('routing', { kind: 'deliver', key: bareOf(reply.to), atMs, stanza: reply, head: { isOwn: true } })
    },
  }
}
