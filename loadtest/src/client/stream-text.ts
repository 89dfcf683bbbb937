import type { Transport } from '../scenario/scenario.ts'

const streamNs = 'http://etherx.jabber.org/streams'

/** Opens a stream; `from` may be empty. Source: RFC 6120 §4.2; RFC 7395 §3.4 for WebSocket. */
export function openStream(transport: Transport, domain: string, from: string): string {
  const to = `${from === '' ? '' : `from='${escapeXml(from)}' `}to='${domain}'`
  return transport === 'websocket'
    ? `<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' ${to} version='1.0'/>`
    : `<?xml version='1.0'?><stream:stream ${to} version='1.0' xmlns='jabber:client' xmlns:stream='${streamNs}'>`
}

/** Closes it. Source: RFC 6120 §4.4; RFC 7395 §3.6. */
export function closeStream(transport: Transport): string {
  return transport === 'websocket' ? "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>" : '</stream:stream>'
}

/** Puts the stanza's namespace where the framing needs it. Source: RFC 7395 §3.3.3: each message stands for itself; XEP-0206 §2. */
export function framed(transport: Transport, stanza: string): string {
  return transport === 'websocket' || transport === 'bosh'
    ? stanza.replace(/^<(message|presence|iq)\b/, "<$1 xmlns='jabber:client'")
    : stanza
}

/** The value of an attribute in a start tag; empty without. */
export function attribute(tag: string, name: string): string {
  const match = new RegExp(`\\s${name}=(?:'([^']*)'|"([^"]*)")`).exec(tag)
  return match?.[1] ?? match?.[2] ?? ''
}

/** The condition an error or failure names: its first child's name. */
export function conditionOf(text: string): string {
  const match = /<(?:stream:error|failure|failed|error)\b[^>]*>\s*<([a-z][a-z-]*)/.exec(text)
  return match?.[1] ?? 'unknown'
}

/** Escapes text for XML. */
export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll("'", '&apos;').replaceAll('>', '&gt;')
}
