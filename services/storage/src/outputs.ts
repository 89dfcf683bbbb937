import type { Effect, Input, Output, Step } from '@starling/core'
import { bareOf, domainpartOf, isFull, type Jid, resourcepartOf } from '@starling/jid'
import { errorReply, iqResult, type Stanza } from '@starling/stanza'
import { type DeliverHead, type Envelope, packRecord } from '@starling/wire'

/** What one input causes, in order, and what is to be done once that is durable. */
export interface Outputs {
  readonly list: readonly Output[]
  readonly emit: (to: Output['to'], envelope: Envelope) => void
  /** A stanza from an account or the server, to wherever it is addressed. */
  readonly send: (stanza: Stanza, head: DeliverHead) => void
  /** Stanzas from an account or the server, all for one resource, which alone gets them. */
  readonly sendTogether: (stanzas: readonly Stanza[]) => void
  /** Reports a bug of the code that handles this input. */
  readonly bug: (error: unknown) => void
}

/** What collecting needs to know. */
export interface OutputsContext {
  readonly isServed: (domain: string) => boolean
  /** Whether whoever reads routing's inbox knows bundles: this process does; the version before, which may run beside it in a cluster, does not. */
  readonly isBundling: boolean
  readonly bug: Outputs['bug']
}

/** An empty collection for an input. */
export function outputsOf(cause: Input, { isServed, isBundling, bug }: OutputsContext): Outputs {
  const list: Output[] = []
  const { atMs } = cause.envelope
  const emit: Outputs['emit'] = (to, envelope) => {
    list.push({ cause, to, envelope })
  }
  const send: Outputs['send'] = (stanza, head) => {
    // To a remote address nothing goes yet: federation brings its inbox.
    if (stanza.to === '' || !isServed(domainpartOf(stanza.to as Jid))) return
    emit('routing', { kind: 'deliver', key: bareOf(stanza.to as Jid), atMs, stanza, head })
  }
  return {
    list,
    emit,
    bug,
    send,
    sendTogether: (stanzas) => {
      const [{ to } = { to: '' as const }] = stanzas
      if (to === '' || !isFull(to) || !isServed(domainpartOf(to))) return
      // What a resource asked for is its own alone: it goes to that resource or nowhere (XEP-0313 §4.2).
      if (!isBundling) {
        for (const one of stanzas) send(one, { isOwn: true, isReplay: true, resource: resourcepartOf(to) })
        return
      }
      const raw = packRecord(stanzas.map((one) => one.raw))
      emit('routing', { kind: 'bundle', key: bareOf(to), atMs, head: { resource: resourcepartOf(to) }, raw })
    },
  }
}

/** Answers a request with the last step of its chain: effects first, then the result. */
export function answerRequest(request: Stanza, last: Exclude<Step, { do: 'ask' }>, outputs: Outputs): void {
  switch (last.do) {
    case 'answer': {
      performAll(last.effects ?? [], outputs)
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

/** Performs effects in their order; stanzas one after another for one resource travel together (a page of an archive). */
function performAll(effects: readonly Effect[], outputs: Outputs): void {
  let together: Stanza[] = []
  let bytes = 0
  const flush = (): void => {
    outputs.sendTogether(together)
    together = []
    bytes = 0
  }
  for (const effect of effects) {
    const stanza =
      effect.do === 'send' && effect.stanza.to !== '' && isFull(effect.stanza.to) ? effect.stanza : undefined
    const isAlike = stanza !== undefined && (together[0]?.to ?? stanza.to) === stanza.to
    if (!isAlike || bytes + stanza.raw.length > maxBundleBytes) flush()
    if (stanza === undefined) perform(effect, outputs)
    else {
      together.push(stanza)
      bytes += stanza.raw.length
    }
  }
  flush()
}

/** Stanzas that travel together, at most; one that is larger travels alone. Units: bytes. */
const maxBundleBytes = 64 * 1024

/** Performs the effects that storage knows: `send` and `write`; others belong to other stages and do nothing here. */
function perform(effect: Effect, outputs: Outputs): void {
  switch (effect.do) {
    case 'send': {
      outputs.send(effect.stanza, { isOwn: true, isReplay: true })
      return
    }
    case 'write':
      throw new Error('a stored handler writes by asking, so that its answer comes after the write')
    default:
      return
  }
}
