import { ns, type Stanza } from '@starling/stanza'
import { clientNamespace, escapeXml, withNamespace } from '@starling/xml'

/** A message that wraps another one, byte for byte; only its `to` is written each time. */
export type Wrapped = {
  readonly from: string
  readonly type: string
  /** What the outer message holds, as `{namespace}name`. */
  readonly payload: string
  readonly before: string
  readonly inner: Uint8Array
  readonly after: string
}

/**
 * Makes the middle of a wrapping message: `<delay/>` and the forwarded stanza under its own namespace.
 * Source: XEP-0297 §3.1.
 */
export function forwarded(raw: Uint8Array, sentAtMs?: number): { before: string; inner: Uint8Array; after: string } {
  const delay = sentAtMs === undefined ? '' : `<delay xmlns='${ns.delay}' stamp='${new Date(sentAtMs).toISOString()}'/>`
  return {
    before: `<forwarded xmlns='${ns.forward}'>${delay}`,
    inner: withNamespace(raw, clientNamespace),
    after: '</forwarded>',
  }
}

/** The wrapping message for one address. */
export function wrappedFor(wrapped: Wrapped, to: string): Stanza {
  const type = wrapped.type === 'normal' ? '' : ` type='${escapeXml(wrapped.type)}'` // RFC 6121 §5.2.2
  const head = `<message from='${escapeXml(wrapped.from)}' to='${escapeXml(to)}'${type}>`
  return {
    kind: 'message',
    type: wrapped.type,
    id: '',
    from: wrapped.from as Stanza['from'],
    to: to as Stanza['to'],
    payloads: [wrapped.payload],
    raw: Buffer.concat([Buffer.from(head + wrapped.before), wrapped.inner, Buffer.from(`${wrapped.after}</message>`)]),
  }
}
