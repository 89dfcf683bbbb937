import type { Jid } from '@starling/jid'

/** The three stanzas. Source: RFC 6120 §8. */
export type StanzaKind = 'message' | 'presence' | 'iq'

/**
 * A stanza as it travels: the header the gate read, and the bytes it stood in.
 * Shape: `raw` is canonical: what may be written inside any client stream whose default namespace is jabber:client.
 */
export interface Stanza {
  readonly kind: StanzaKind
  /** `normal` for a message without or with an unknown type (RFC 6121 §5.2.2); '' for available presence. */
  readonly type: string
  readonly id: string
  readonly from: Jid | ''
  readonly to: Jid | ''
  /** Direct children as `{namespace}name`, in order. */
  readonly payloads: readonly string[]
  readonly raw: Uint8Array
}

/** Types a message may have. Source: RFC 6121 §5.2.2. */
export const messageTypes: ReadonlySet<string> = new Set(['normal', 'chat', 'groupchat', 'headline', 'error'])
/** Types a presence stanza may have, '' being available. Source: RFC 6121 §4.7.1. */
export const presenceTypes: ReadonlySet<string> = new Set([
  '',
  'unavailable',
  'subscribe',
  'subscribed',
  'unsubscribe',
  'unsubscribed',
  'probe',
  'error',
])
/** Types an IQ must have. Source: RFC 6120 §8.2.3. */
export const iqTypes: ReadonlySet<string> = new Set(['get', 'set', 'result', 'error'])

/** Whether the stanza has a direct child of that name. */
export function hasPayload(stanza: Stanza, namespace: string, name: string): boolean {
  return stanza.payloads.includes(`{${namespace}}${name}`)
}

/** Whether the stanza has a direct child in that namespace. */
export function hasNamespace(stanza: Stanza, namespace: string): boolean {
  const start = `{${namespace}}`
  return stanza.payloads.some((payload) => payload.startsWith(start))
}

/** Whether an answer is owed: an IQ of type get or set. Source: RFC 6120 §8.2.3. */
export function isRequest(stanza: Stanza): boolean {
  return stanza.kind === 'iq' && (stanza.type === 'get' || stanza.type === 'set')
}
