/** What the sender may do about an error. Source: RFC 6120 §8.3.2. */
export type ErrorType = 'auth' | 'cancel' | 'continue' | 'modify' | 'wait'

/** Every stanza error condition and the type that RFC 6120 §8.3.3 gives it. */
export const conditions = {
  'bad-request': 'modify',
  conflict: 'cancel',
  'feature-not-implemented': 'cancel',
  forbidden: 'auth',
  gone: 'cancel',
  'internal-server-error': 'cancel',
  'item-not-found': 'cancel',
  'jid-malformed': 'modify',
  'not-acceptable': 'modify',
  'not-allowed': 'cancel',
  'not-authorized': 'auth',
  'policy-violation': 'modify',
  'recipient-unavailable': 'wait',
  redirect: 'modify',
  'registration-required': 'auth',
  'remote-server-not-found': 'cancel',
  'remote-server-timeout': 'wait',
  'resource-constraint': 'wait',
  'service-unavailable': 'cancel',
  'subscription-required': 'auth',
  'undefined-condition': 'cancel',
  'unexpected-request': 'wait',
} as const satisfies Record<string, ErrorType>

/** Name of a stanza error condition. */
export type Condition = keyof typeof conditions

/** A stanza error as a value. Source: RFC 6120 §8.3. */
export interface StanzaError {
  readonly condition: Condition
  readonly type: ErrorType
  readonly text?: string
  /** An application-specific condition beside the defined one: name and namespace (RFC 6120 §8.3.4). */
  readonly application?: { readonly name: string; readonly namespace: string }
}

/** Makes a stanza error with the type the RFC gives the condition. */
export function stanzaError(
  condition: Condition,
  more: { readonly text?: string; readonly type?: ErrorType; readonly application?: StanzaError['application'] } = {},
): StanzaError {
  return {
    condition,
    type: more.type ?? conditions[condition],
    ...(more.text === undefined ? {} : { text: more.text }),
    ...(more.application === undefined ? {} : { application: more.application }),
  }
}

/** Every stream error condition. Source: RFC 6120 §4.9.3. */
export const streamConditions = [
  'bad-format',
  'bad-namespace-prefix',
  'conflict',
  'connection-timeout',
  'host-gone',
  'host-unknown',
  'improper-addressing',
  'internal-server-error',
  'invalid-from',
  'invalid-namespace',
  'invalid-xml',
  'not-authorized',
  'not-well-formed',
  'policy-violation',
  'remote-connection-failed',
  'reset',
  'resource-constraint',
  'restricted-xml',
  'see-other-host',
  'system-shutdown',
  'undefined-condition',
  'unsupported-encoding',
  'unsupported-feature',
  'unsupported-stanza-type',
  'unsupported-version',
] as const

/** Name of a stream error condition. */
export type StreamCondition = (typeof streamConditions)[number]

/** A stream error as a value; it always ends the stream. */
export interface StreamError {
  readonly condition: StreamCondition
  readonly text?: string
}
