import { type Jid, parseJid } from '@starling/jid'
import { makeStanza, type Stanza } from '@starling/stanza'
import { insertRootAttributes, scanElement, xml } from '@starling/xml'

/** The stanza with other addresses; '' takes one away. */
export function addressed(stanza: Stanza, set: { readonly from?: Jid | ''; readonly to?: Jid | '' }): Stanza {
  const { from = stanza.from, to = stanza.to } = set
  if (from === stanza.from && to === stanza.to) return stanza
  const raw = insertRootAttributes(stanza.raw, { from: from === '' ? null : from, to: to === '' ? null : to })
  return { ...stanza, from, to, raw }
}

/** A presence stanza of the server's making. */
export function presence(type: string, from: Jid, to?: Jid): Stanza {
  return makeStanza(xml('presence', { from, ...(to === undefined ? {} : { to }), ...(type === '' ? {} : { type }) }))
}

/** The stanza that stored canonical bytes are. Errors: undefined when they are none (an older, broken write). */
export function presenceFrom(raw: Uint8Array): Stanza | undefined {
  const scanned = scanElement(raw)
  if (!scanned.ok || scanned.value.name !== 'presence') return undefined
  const { attributes, payloads } = scanned.value
  return {
    kind: 'presence',
    type: attributes['type'] ?? '',
    id: attributes['id'] ?? '',
    from: readJid(attributes['from']),
    to: readJid(attributes['to']),
    payloads: payloads.map(({ namespace, name }) => `{${namespace}}${name}`),
    raw,
  }
}

function readJid(text: string | undefined): Jid | '' {
  const parsed = parseJid(text ?? '')
  return parsed.ok ? parsed.value : ''
}
