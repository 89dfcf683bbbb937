import { type FullJid, type Jid, parseJid, type Result } from '@starling/jid'
import { type ScannedElement, stamp } from '@starling/xml'
import { type StanzaError, stanzaError } from './errors.ts'
import { iqTypes, messageTypes, presenceTypes, type Stanza, type StanzaKind } from './kinds.ts'
import * as ns from './ns.ts'

/** Why a scanned element is no stanza; `header` is what an error answer needs. */
export interface StanzaFault {
  readonly error: StanzaError
  readonly header: Stanza
}

/** Whether the element is one of the three stanzas, by name and namespace. */
export function isStanzaElement(element: ScannedElement): boolean {
  return (
    element.namespace === ns.client &&
    (element.name === 'message' || element.name === 'presence' || element.name === 'iq')
  )
}

/**
 * Reads a stanza a client sent: checks type, id and children, normalises `to`, stamps `from` (never trusted), adds the
 * stream's language.
 * Source: RFC 6120 §8.1–8.2; RFC 6121 §4.7.1, §5.2.2.
 */
export function readStanza(element: ScannedElement, from: FullJid, lang?: string): Result<Stanza, StanzaFault> {
  const { attributes } = element
  const kind = element.name as StanzaKind
  const payloads = element.payloads.map((payload) => `{${payload.namespace}}${payload.name}`)
  const type = typeOf(kind, attributes['type'])
  const id = attributes['id'] ?? ''
  const blank: Stanza = { kind, type: attributes['type'] ?? '', id, from, to: '', payloads, raw: element.raw }
  const fail = (error: StanzaError): Result<Stanza, StanzaFault> => ({ ok: false, error: { error, header: blank } })

  if (type === undefined) return fail(stanzaError('bad-request', { text: `unknown type of ${kind}` }))
  // RFC 6120 §8.2.3: an IQ has an id, and a request exactly one child
  if (kind === 'iq' && id === '') return fail(stanzaError('bad-request', { text: 'an iq needs an id' }))
  if (kind === 'iq' && (type === 'get' || type === 'set') && payloads.length !== 1) {
    return fail(stanzaError('bad-request', { text: 'an iq request has exactly one child' }))
  }
  let to: Jid | '' = ''
  const toText = attributes['to']
  if (toText !== undefined) {
    const parsed = parseJid(toText)
    if (!parsed.ok) return fail(stanzaError('jid-malformed')) // RFC 6120 §8.3.3.8
    to = parsed.value
  }
  const addLang = lang !== undefined && attributes['xml:lang'] === undefined // RFC 6120 §8.1.5
  const raw = stamp(element, {
    from,
    ...(toText === undefined || toText === to ? {} : { to }),
    ...(addLang ? { lang } : {}),
  })
  return { ok: true, value: { kind, type, id, from, to, payloads, raw } }
}

/** The type as the stanza's kind knows it; undefined when it must be refused. */
function typeOf(kind: StanzaKind, type: string | undefined): string | undefined {
  switch (kind) {
    case 'message':
      return type !== undefined && messageTypes.has(type) ? type : 'normal' // RFC 6121 §5.2.2
    case 'presence':
      return presenceTypes.has(type ?? '') ? (type ?? '') : undefined
    case 'iq':
      return type !== undefined && iqTypes.has(type) ? type : undefined
    default:
      return kind satisfies never
  }
}
