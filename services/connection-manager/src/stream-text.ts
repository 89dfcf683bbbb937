import { ns, type StreamError, streamErrorElement } from '@starling/stanza'
import { escapeText, escapeXml, framingNamespace, serializeToString, withNamespace } from '@starling/xml'
import { isFramed, type Transport } from './stream-state.ts'

const errorEnd = '</stream:error>'

/** Attributes of our stream header. Source: RFC 6120 §4.7. */
export interface HeaderAttributes {
  readonly from: string
  readonly id: string
  /** '' when the client did not say who it is. */
  readonly to: string
}

/** Our stream header. Source: RFC 6120 §4.7, §4.8; RFC 7395 §3.4. */
export function headerText(transport: Transport, attributes: HeaderAttributes): string {
  const to = attributes.to === '' ? '' : ` to='${escapeXml(attributes.to)}'`
  const common = `from='${escapeXml(attributes.from)}'${to} id='${escapeXml(attributes.id)}' version='1.0' xml:lang='en'`
  return isFramed(transport)
    ? `<open xmlns='${framingNamespace}' ${common}/>`
    : `<?xml version='1.0'?><stream:stream xmlns='${ns.client}' xmlns:stream='${ns.streams}' ${common}>`
}

/** The end of our stream. Source: RFC 6120 §4.4; RFC 7395 §3.6. */
export function closeText(transport: Transport): string {
  return isFramed(transport) ? `<close xmlns='${framingNamespace}'/>` : '</stream:stream>'
}

/**
 * A stream error, with an application's condition beside the defined one; over WebSocket it declares its own prefix.
 * Source: RFC 6120 §4.9.2, §4.9.4; RFC 7395 §3.3.3.
 */
export function errorText(transport: Transport, error: StreamError & { readonly application?: string }): string {
  const text = declareStreams(transport, serializeToString(streamErrorElement(error)), '<stream:error')
  return error.application === undefined ? text : text.replace(errorEnd, `${error.application}${errorEnd}`)
}

/** `<stream:features/>` around its children. Source: RFC 6120 §4.3.2. */
export function featuresText(transport: Transport, children: string): string {
  return declareStreams(transport, `<stream:features>${children}</stream:features>`, '<stream:features')
}

/** A canonical stanza as it is written: where it is a document of its own it names its namespace. Source: RFC 7395 §3.3.3. */
export function stanzaAlone(transport: Transport, raw: Uint8Array): Uint8Array {
  return isFramed(transport) ? withNamespace(raw, ns.client) : raw
}

function declareStreams(transport: Transport, text: string, start: string): string {
  if (!isFramed(transport)) return text
  return `${start} xmlns:stream='${ns.streams}'${text.slice(start.length)}`
}

/** A SASL element with data: `undefined` leaves it empty, an empty value is '='. Source: RFC 6120 §6.4.3, §6.4.6. */
export function saslDataText(name: 'challenge' | 'success', data: Uint8Array | undefined): string {
  if (data === undefined) return `<${name} xmlns='${ns.sasl}'/>`
  // RFC 6120 §6.4.2: a single equals sign stands for data of length zero; an empty challenge has no data at all
  const text = data.length === 0 ? (name === 'challenge' ? '' : '=') : Buffer.from(data).toString('base64')
  return text === '' ? `<${name} xmlns='${ns.sasl}'/>` : `<${name} xmlns='${ns.sasl}'>${text}</${name}>`
}

/** A SASL failure. Source: RFC 6120 §6.4.5, §6.5. */
export function saslFailureText(condition: string, text?: string): string {
  const sentence = text === undefined ? '' : `<text xml:lang='en'>${escapeText(text)}</text>`
  return `<failure xmlns='${ns.sasl}'><${condition}/>${sentence}</failure>`
}
