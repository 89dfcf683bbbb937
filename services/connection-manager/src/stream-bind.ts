import { type FullJid, normalizeResourcepart } from '@starling/jid'
import { errorReply, isStanzaElement, ns, type Stanza, type StanzaKind, stanzaError } from '@starling/stanza'
import { parseElement, type ScannedElement } from '@starling/xml'
import { failWith, goTo, stay } from './stream-end.ts'
import type { StreamScene } from './stream-scene.ts'
import { isSmElement, receiveSmUnbound } from './stream-sm.ts'
import type { SignedIn, StreamState, Transition } from './stream-state.ts'

/** An element between success and the resource. Source: RFC 6120 §7. */
export function receiveUnbound(
  state: StreamState,
  element: ScannedElement,
  { scene, signedIn }: { readonly scene: StreamScene; readonly signedIn: SignedIn },
): Transition {
  if (isSmElement(element)) return receiveSmUnbound(state, element, { scene, signedIn })
  if (!isStanzaElement(element)) {
    return failWith(state, scene, ['unsupported-stanza-type', 'not known here']) // RFC 6120 §4.9.3.24
  }
  const isBind =
    element.name === 'iq' &&
    element.attributes['type'] === 'set' &&
    element.payloads.length === 1 &&
    element.payloads[0]?.namespace === ns.bind &&
    element.payloads[0].name === 'bind'
  if (isBind) return bindResource(state, element, signedIn)
  // RFC 6120 §7.1: before there is a resource, a stanza to anybody but the server or the own account ends the stream
  const to = element.attributes['to']
  if (to !== undefined && to !== (state.domain ?? scene.domain) && to !== signedIn.account) {
    return failWith(state, scene, ['not-authorized', 'bind a resource first'])
  }
  const reply = errorReply(headerOf(element), stanzaError('unexpected-request', { text: 'bind a resource first' }))
  return reply === undefined ? stay(state) : stay(state, { do: 'send', raw: reply.raw })
}

function bindResource(state: StreamState, element: ScannedElement, signedIn: SignedIn): Transition {
  const request = headerOf(element)
  const refused = (text: string): Transition => {
    // RFC 6120 §7.7.2.1
    const reply = errorReply(request, stanzaError('bad-request', { text }))
    return reply === undefined ? stay(state) : stay(state, { do: 'send', raw: reply.raw })
  }
  if (request.id === '') return refused('an iq needs an id') // RFC 6120 §8.2.3
  const asked = parseElement(element.raw).getChild('bind', ns.bind)?.getChildText('resource', ns.bind) ?? ''
  let resource = '' // RFC 6120 §7.6: without one the server chooses
  if (asked !== '') {
    const normal = normalizeResourcepart(asked)
    if (!normal.ok) return refused(normal.error.text)
    resource = normal.value
  }
  return goTo(state, { kind: 'binding', signedIn }, { do: 'bind', signedIn, resource, iqId: request.id })
}

/** The session stage gave the resource. Source: RFC 6120 §7.6.1. */
export function finishBind(
  state: StreamState,
  given: { readonly jid: FullJid; readonly raw: Uint8Array },
  signedIn: SignedIn,
): Transition {
  const bound = { kind: 'bound', account: signedIn.account, jid: given.jid } as const
  return goTo(state, bound, { do: 'send', raw: given.raw }, { do: 'bound' })
}

/** As much of a stanza as an error answer needs, unread. */
export function headerOf(element: ScannedElement): Stanza {
  return {
    kind: element.name as StanzaKind,
    type: element.attributes['type'] ?? '',
    id: element.attributes['id'] ?? '',
    from: '',
    to: '',
    payloads: [],
    raw: element.raw,
  }
}
