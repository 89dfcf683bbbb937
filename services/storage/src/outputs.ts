import type { Effect, Input, Output, Step } from '@starling/core'
import { bareOf, domainpartOf, isFull, type Jid, resourcepartOf } from '@starling/jid'
import { errorReply, iqResult, type Stanza } from '@starling/stanza'
import type { DeliverHead, Envelope } from '@starling/wire'

/** What one input causes, in order, and what is to be done once that is durable. */
export interface Outputs {
  readonly list: readonly Output[]
  readonly emit: (to: Output['to'], envelope: Envelope) => void
  /** A stanza from an account or the server, to wherever it is addressed. */
  readonly send: (stanza: Stanza, head: DeliverHead) => void
  /** Reports a bug of the code that handles this input. */
  readonly bug: (error: unknown) => void
}

/** An empty collection for an input. */
export function outputsOf(cause: Input, isServed: (domain: string) => boolean, bug: Outputs['bug']): Outputs {
  const list: Output[] = []
  const { atMs } = cause.envelope
  const emit: Outputs['emit'] = (to, envelope) => {
    list.push({ cause, to, envelope })
  }
  return {
    list,
    emit,
    bug,
    send: (stanza, head) => {
      // To a remote address nothing goes yet: federation brings its inbox.
      if (stanza.to === '' || !isServed(domainpartOf(stanza.to as Jid))) return
      emit('routing', { kind: 'deliver', key: bareOf(stanza.to as Jid), atMs, stanza, head })
    },
  }
}

/** Answers a request with the last step of its chain: effects first, then the result. */
export function answerRequest(request: Stanza, last: Exclude<Step, { do: 'ask' }>, outputs: Outputs): void {
  switch (last.do) {
    case 'answer': {
      for (const effect of last.effects ?? []) perform(effect, outputs)
      outputs.send(iqResult(request, last.payload), { isOwn: true })
      return
    }
    case 'refuse': {
      const reply = errorReply(request, last.error)
      if (reply !== undefined) outputs.send(reply, { isOwn: true })
      return
    }
    default:
      last satisfies never
  }
}

/** Performs the effects that storage knows: `send` and `write`; others belong to other stages and do nothing here. */
function perform(effect: Effect, outputs: Outputs): void {
  switch (effect.do) {
    case 'send': {
      const { to } = effect.stanza
      // What a resource asked for is its own alone: it goes to that resource or nowhere (XEP-0313 §4.2).
      const resource = to !== '' && isFull(to) ? { resource: resourcepartOf(to) } : {}
      outputs.send(effect.stanza, { isOwn: true, isReplay: true, ...resource })
      return
    }
    case 'write':
      throw new Error('a stored handler writes by asking, so that its answer comes after the write')
    default:
      return
  }
}
