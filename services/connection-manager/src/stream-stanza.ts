import { bareOf, type FullJid, parseJid } from '@starling/jid'
import { errorReply, isStanzaElement, readStanza, type Stanza } from '@starling/stanza'
import type { ScannedElement } from '@starling/xml'
import { failWith, stay } from './stream-end.ts'
import type { StreamScene } from './stream-scene.ts'
import type { StreamState, Transition } from './stream-state.ts'

/** Longest id, and longest name of a payload, that an envelope's header carries. Units: UTF-16 code units. */
export const maxHeaderText = 16_384

/** An element of a bound client. Source: RFC 6120 §8. */
export function receiveBound(
  state: StreamState,
  element: ScannedElement,
  { scene, jid }: { readonly scene: StreamScene; readonly jid: FullJid },
): Transition {
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
    const reply = errorReply(header, error)
    return reply === undefined ? stay(state) : stay(state, { do: 'send', raw: reply.raw })
  }
  if (!isHeaderSmall(stanza.value)) return failWith(state, scene, ['policy-violation', 'a name is too long'])
  return stay(state, { do: 'forward', stanza: stanza.value })
}

function isOwn(from: string, jid: FullJid): boolean {
  if (from === jid || from === bareOf(jid)) return true
  const parsed = parseJid(from)
  return parsed.ok && (parsed.value === jid || parsed.value === bareOf(jid))
}

function isHeaderSmall(stanza: Stanza): boolean {
  return stanza.id.length <= maxHeaderText && stanza.payloads.every((payload) => payload.length <= maxHeaderText)
}
