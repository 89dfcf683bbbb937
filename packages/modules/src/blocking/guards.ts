import { type Outcome, pass, refuse, stop } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { isRequest, ns, type Stanza, stanzaError } from '@starling/stanza'
import type { Json } from '@starling/wire'
import { isBeyondBlocking, isBlocked, readBlockList } from './block-list.ts'

type Guarded = { readonly account: BareJid; readonly domain: BareJid; readonly accountSlice: Json }

// §3.3: not-acceptable, of type cancel as in the example, with the application's own condition
const blockedError = stanzaError('not-acceptable', {
  type: 'cancel',
  application: { name: 'blocked', namespace: ns.blockingErrors },
})

/** Nothing goes to a blocked address. Source: XEP-0191 §3.3. */
export function outgoing(stanza: Stanza, context: Guarded): Outcome {
  if (!isBetween(stanza.to, context)) return pass()
  return refuse(blockedError)
}

/** Nothing comes from a blocked address, to which the account looks offline. Source: XEP-0191 §3.3. */
export function incoming(stanza: Stanza, context: Guarded): Outcome {
  if (!isBetween(stanza.from, context)) return pass()
  switch (stanza.kind) {
    case 'presence':
      return stop() // MUST NOT respond
    case 'message':
      return refuse(stanzaError('service-unavailable'))
    case 'iq':
      return isRequest(stanza) ? refuse(stanzaError('service-unavailable')) : stop()
    default:
      return stanza.kind satisfies never
  }
}

/** What was not let in is not archived. Source: XEP-0313 §6.1. */
export function archived(stanza: Stanza, context: Guarded & { readonly isSentCopy: boolean }): Outcome {
  return !context.isSentCopy && isBetween(stanza.from, context) ? stop() : pass()
}

/** Whether the block list stands between the account and the other side. */
function isBetween(other: Stanza['to'], context: Guarded): boolean {
  const list = readBlockList(context.accountSlice)
  return (
    list.length > 0 &&
    other !== '' &&
    !isBeyondBlocking(other, context.account, context.domain) &&
    isBlocked(list, other)
  )
}
