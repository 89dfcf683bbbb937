import { domainOf } from '@starling/core'
import { bareOf, type FullJid, parseJid } from '@starling/jid'
import { errorReply, isRequest, isStanzaElement, payloadOf, readStanza, type Stanza } from '@starling/stanza'
import type { ScannedElement } from '@starling/xml'
import { failWith, goTo, stay } from './stream-end.ts'
import type { StreamScene } from './stream-scene.ts'
import { isSmElement, receiveSmBound } from './stream-sm.ts'
import type { StreamPhase, StreamState, Transition } from './stream-state.ts'

type BoundPhase = Extract<StreamPhase, { readonly kind: 'bound' }>

/** Longest id, and longest name of a payload, that an envelope's header carries. Units: UTF-16 code units. */
export const maxHeaderText = 16_384

/** An element of a bound client. Source: RFC 6120 §8. */
export function receiveBound(
  state: StreamState,
  element: ScannedElement,
  { scene, phase }: { readonly scene: StreamScene; readonly phase: BoundPhase },
): Transition {
  const { jid } = phase
  if (isSmElement(element)) return receiveSmBound(state, element, { scene, phase })
  if (!isStanzaElement(element)) {
    return failWith(state, scene, ['unsupported-stanza-type', 'not known here']) // RFC 6120 §4.9.3.24
  }
  const from = element.attributes['from']
  if (from !== undefined && !isOwn(from, jid)) {
    // RFC 6120 §8.1.2.1: neither the full nor the bare JID of the connected resource
    return failWith(state, scene, ['invalid-from', 'not the address of this stream'])
  }
  const stanza = readStanza(element, jid, state.lang === '' ? undefined : state.lang)
  if (!stanza.ok) {
    const { header, error } = stanza.error
    // What is answered with the id has to carry it back.
    if (header.id.length > maxHeaderText) return failWith(state, scene, ['policy-violation', 'an id is too long'])
    // XEP-0198 §4: what is answered here is counted like any other
    const reply = errorReply(header, error)
    return stay(state, reply === undefined ? { do: 'answer' } : { do: 'answer', reply })
  }
  if (!isHeaderSmall(stanza.value)) return failWith(state, scene, ['policy-violation', 'a name is too long'])
  return askOwn(state, stanza.value, { scene, phase }) ?? stay(state, { do: 'forward', stanza: stanza.value })
}

/**
 * What the pod answers itself, since it must not travel in the log: a new password (XEP-0077 §3.3). Nothing more is read until it
 * is answered: deriving keys costs, and stanzas are counted in their order.
 */
function askOwn(
  state: StreamState,
  request: Stanza,
  { scene, phase }: { readonly scene: StreamScene; readonly phase: BoundPhase },
): Transition | undefined {
  const account = bareOf(phase.jid)
  if (!isRequest(request) || !['', account, domainOf(account)].includes(request.to)) return undefined
  const found = scene.registry.findStreamIq(request.type, request.payloads[0] ?? '')
  const payload = found === undefined ? undefined : payloadOf(request)
  if (found === undefined || payload === undefined) return undefined
  const question = { do: 'askStream', handler: found.handler, payload, request, account } as const
  return goTo(state, { ...phase, isAsking: true }, question)
}

function isOwn(from: string, jid: FullJid): boolean {
  if (from === jid || from === bareOf(jid)) return true
  const parsed = parseJid(from)
  return parsed.ok && (parsed.value === jid || parsed.value === bareOf(jid))
}

function isHeaderSmall(stanza: Stanza): boolean {
  return stanza.id.length <= maxHeaderText && stanza.payloads.every((payload) => payload.length <= maxHeaderText)
}
