import type { Jid } from '@starling/jid'
import { type Element, parseElement, serializeElement, xml } from '@starling/xml'
import type { StanzaError, StreamError } from './errors.ts'
import type { Stanza, StanzaKind } from './kinds.ts'
import * as ns from './ns.ts'

/** Makes a stanza of an element that we built: header from its attributes, bytes by serializing it once. */
export function makeStanza(element: Element): Stanza {
  const kind = element.name as StanzaKind
  const payloads: string[] = []
  for (const child of element.getChildElements()) payloads.push(`{${child.getNS() ?? ns.client}}${child.getName()}`)
  return {
    kind,
    type: element.attrs['type'] ?? (kind === 'message' ? 'normal' : ''),
    id: element.attrs['id'] ?? '',
    from: (element.attrs['from'] ?? '') as Jid | '',
    to: (element.attrs['to'] ?? '') as Jid | '',
    payloads,
    raw: serializeElement(element),
  }
}

/** The stanza as an element, parsed anew at each call. */
export function elementOf(stanza: Stanza): Element {
  return parseElement(stanza.raw)
}

/** The first child element, which is the payload of an IQ request. Source: RFC 6120 §8.2.3. */
export function payloadOf(stanza: Stanza): Element | undefined {
  return elementOf(stanza).getChildElements()[0]
}

/** Attributes of an answer: addresses exchanged, id kept. */
function answerAttributes(stanza: Stanza, type: string): Record<string, string> {
  const attributes: Record<string, string> = { type }
  if (stanza.id !== '') attributes['id'] = stanza.id
  if (stanza.to !== '') attributes['from'] = stanza.to
  if (stanza.from !== '') attributes['to'] = stanza.from
  return attributes
}

/** The result of an IQ request. Source: RFC 6120 §8.2.3. */
export function iqResult(request: Stanza, payload?: Element): Stanza {
  return makeStanza(xml('iq', answerAttributes(request, 'result'), ...(payload === undefined ? [] : [payload])))
}

/** The `<error/>` child. Source: RFC 6120 §8.3. */
export function errorElement(error: StanzaError): Element {
  const { application } = error
  return xml(
    'error',
    { type: error.type },
    xml(error.condition, { xmlns: ns.stanzaErrors }),
    ...(error.text === undefined ? [] : [xml('text', { xmlns: ns.stanzaErrors }, error.text)]),
    ...(application === undefined ? [] : [xml(application.name, { xmlns: application.namespace })]),
  )
}

/**
 * The error that answers a stanza; undefined for what must not be answered with one: an error, an IQ result.
 * Source: RFC 6120 §8.3.1.
 */
export function errorReply(stanza: Stanza, error: StanzaError): Stanza | undefined {
  if (stanza.type === 'error' || (stanza.kind === 'iq' && stanza.type === 'result')) return undefined
  return makeStanza(xml(stanza.kind, answerAttributes(stanza, 'error'), errorElement(error)))
}

/** The `<stream:error/>` element, its prefix bound by the stream header. Source: RFC 6120 §4.9.2. */
export function streamErrorElement(error: StreamError): Element {
  return xml(
    'stream:error',
    {},
    xml(error.condition, { xmlns: ns.streamErrors }),
    ...(error.text === undefined ? [] : [xml('text', { xmlns: ns.streamErrors }, error.text)]),
  )
}

/** The `<delay/>` child. Source: XEP-0203 §2. */
export function delayElement(from: Jid, atMs: number): Element {
  return xml('delay', { xmlns: ns.delay, from, stamp: new Date(atMs).toISOString() })
}
