import { hasPayload, ns, type Stanza } from '@starling/stanza'

/** A hint of the sender. Source: XEP-0334 §4. */
export type Hint = 'no-permanent-store' | 'no-store' | 'no-copy' | 'store'

/** Whether a message carries a hint that counts: those inside errors are another's. Source: XEP-0334 §5. */
export function hasHint(stanza: Stanza, hint: Hint): boolean {
  return stanza.type !== 'error' && hasPayload(stanza, ns.hints, hint)
}
