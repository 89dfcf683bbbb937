import {
  answer,
  ask,
  type Document,
  domainOf,
  type Input,
  type QueryName,
  type QueryResult,
  type Registry,
  refuseStep,
  type Step,
} from '@starling/core'
import type { BareJid } from '@starling/jid'
import { delayElement, elementOf, errorReply, makeStanza, payloadOf, type Stanza, stanzaError } from '@starling/stanza'
import { type Ask, archiveId, type Envelope, type Flush, type Json, type Offline, type Request } from '@starling/wire'
import { type Slices, storageContext } from './archive.ts'
import type { Chain } from './chain.ts'
import { answerRequest, type Outputs } from './outputs.ts'

/** Kind under which modules' account slices are kept. */
export const sliceKind = 'slice'

/** What making chains needs. */
export interface ChainContext {
  readonly registry: Registry
  readonly maxOffline: number
  readonly random: (bytes: number) => Uint8Array
  /** Ids of the offline stanzas that were sent in this batch; they are removed once that is durable. */
  readonly flushed: Map<BareJid, Set<string>>
}

const offlinePage = 100

/** The chain an input of storage's own inbox asks for. */
export function chainOf(input: Input, outputs: Outputs, context: ChainContext): Chain | undefined {
  const { envelope } = input
  switch (envelope.kind) {
    case 'write':
      return chain(envelope, () => call(envelope.head, () => answer()), outputs)
    case 'ask':
      return askChain(envelope, outputs)
    case 'request':
      return requestChain(input, envelope, outputs, context)
    case 'offline':
      return offlineChain(envelope, outputs, context)
    case 'flush':
      return flushChain(envelope, outputs, context)
    default:
      return undefined
  }
}

/** A chain whose deletions of accounts are told to the session stage. */
function chain(envelope: Envelope, begin: Chain['begin'], outputs: Outputs, end: Chain['end'] = () => {}): Chain {
  return {
    key: envelope.key,
    begin,
    end,
    onBug: (error) => {
      outputs.bug(error)
      end({ do: 'refuse', error: stanzaError('internal-server-error') })
    },
    onAnswer: (query, args, result) => {
      if (query === 'account.delete' && (result as { isFound: boolean }).isFound) {
        const { jid } = args as { jid: BareJid }
        outputs.emit('session', { kind: 'accountChanged', key: jid, atMs: envelope.atMs, head: { change: 'deleted' } })
      }
    },
  }
}

/** Asks a named query that travelled as JSON. */
function call(head: Json, next: (result: unknown) => Step): Step {
  const { query, args } = head as unknown as { query: QueryName; args: never }
  return ask(query, args, next as never)
}

/** A question: of a pod (an answer to its inbox) or of the session stage (`load`, with the envelope that waits). */
function askChain(envelope: Ask, outputs: Outputs): Chain {
  const { reply, call: question } = envelope.head
  const { query, args } = question as unknown as { query: string; args: { owner: BareJid } }
  const { atMs, key } = envelope
  if (query === 'load') {
    const load = (): Step =>
      ask('account.load', { owner: args.owner, kind: sliceKind }, (found) => {
        const head = loadedHead(found)
        outputs.emit('session', { kind: 'loaded', key, atMs, head, carried: envelope.carried ?? new Uint8Array(0) })
        return answer()
      })
    return chain(envelope, load, outputs)
  }
  const give = (result: unknown): Step => {
    if (reply.to === 'pod') {
      const { target, question: number } = reply
      outputs.emit('pod', {
        kind: 'answer',
        key: '',
        atMs,
        target,
        head: { question: number, ...(result === undefined ? {} : { result: result as Json }) } as never,
      })
    }
    return answer()
  }
  return chain(envelope, () => call(question, give), outputs)
}

function loadedHead(found: QueryResult<'account.load'>): Json {
  const { roster = { version: '', items: [] }, documents = [] } = found ?? {}
  return { exists: found !== undefined, roster: roster as unknown as Json, slices: slicesOf(documents) }
}

/** Account slices out of their documents. */
export function slicesOf(documents: readonly Document[]): Slices {
  const slices: Record<string, Json> = {}
  for (const { name, body } of documents) {
    try {
      slices[name] = JSON.parse(Buffer.from(body).toString('utf8')) as Json
    } catch {
      // Not written by us: the module's initial slice serves.
    }
  }
  return slices
}

/** An IQ request that a module answers from storage. */
export function requestChain(input: Input, envelope: Request, outputs: Outputs, context: ChainContext): Chain {
  const { stanza, head } = envelope
  const account = envelope.key as BareJid
  const begin = (): Step | Promise<Step> => {
    const found = context.registry.findIq(stanza.type, head.scope, stanza.payloads[0] ?? '')
    const payload = payloadOf(stanza)
    if (found?.at !== 'storage' || payload === undefined) return refuseStep(stanzaError('service-unavailable'))
    const { random } = context
    const about = { account, input, slices: head.slices, isAvailable: head.isAvailable, random }
    return found.handler(payload, storageContext(context.registry, about, found.module), stanza)
  }
  return chain(envelope, begin, outputs, (last) => answerRequest(stanza, last, outputs))
}

/** Keeps a message nobody was there for. Source: XEP-0160 §2; RFC 6121 §8.5.1, §8.5.2.2.1. */
function offlineChain(envelope: Offline, outputs: Outputs, context: ChainContext): Chain {
  const { stanza, head, atMs } = envelope
  const owner = envelope.key as BareJid
  const args = { owner, id: head.id, atMs, raw: stanza.raw, maxStanzas: context.maxOffline }
  const begin = (): Step =>
    ask('offline.add', args, (result) => {
      if (!result.isStored) {
        // No such account, or no room: the sender is told (XEP-0160 §2, RFC 6121 §8.5.1)
        const reply = errorReply(stanza, stanzaError('service-unavailable'))
        if (reply !== undefined) outputs.send(reply, { isOwn: true })
      }
      return answer()
    })
  return chain(envelope, begin, outputs)
}

/** Sends what was kept, oldest first, marked with its time (XEP-0160 §2, XEP-0203 §4); it is forgotten after it is durable. */
function flushChain(envelope: Flush, outputs: Outputs, context: ChainContext): Chain {
  const owner = envelope.key as BareJid
  const sent = context.flushed.get(owner) ?? new Set<string>()
  context.flushed.set(owner, sent)
  // R3: at a repetition there may be more than the first time: what routing let go after it asked for this flush
  const { cause } = envelope
  const end =
    cause === undefined ? undefined : archiveId({ offset: cause.offset, index: Math.floor(cause.index / 65_536) })
  const page = (afterId: string): Step =>
    ask('offline.page', { owner, afterId, limit: offlinePage }, (kept) => {
      for (const { id, raw, atMs } of kept) {
        if (end !== undefined && id >= end) break
        if (sent.has(id)) continue // by a flush of this very batch
        sent.add(id)
        const stanza = delayed(raw, domainOf(owner), atMs)
        outputs.emit('routing', { kind: 'deliver', key: owner, atMs, stanza, head: { isOwn: true, isReplay: true } })
      }
      return kept.length < offlinePage ? answer() : page(kept.at(-1)?.id ?? afterId)
    })
  return chain(envelope, () => page(''), outputs)
}

function delayed(raw: Uint8Array, domain: BareJid, atMs: number): Stanza {
  const element = elementOf({ kind: 'message', type: '', id: '', from: '', to: '', payloads: [], raw })
  element.append(delayElement(domain, atMs))
  return makeStanza(element)
}
