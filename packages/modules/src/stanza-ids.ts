import { change, defineModule, type Outcome, pass, type RoutingContext } from '@starling/core'
import { type BareJid, parseJid } from '@starling/jid'
import { hasPayload, ns, type Stanza } from '@starling/stanza'
import { isArchived, preferencesId } from './shared/archive-rule.ts'
import { withEmptyChild, withoutChildren } from './shared/children.ts'

/**
 * Tells under which id a message stands in the account's archive, and takes out ids others claim in the account's name.
 * Source: XEP-0359 §3; XEP-0313 §3.5.
 */
export const stanzaIds = defineModule({
  spec: {
    id: 'XEP-0359',
    name: 'Unique and Stable Stanza IDs',
    version: '0.7.0',
    status: 'complete',
    note: 'ids are unique and stable but ascending, not unpredictable (a SHOULD of §3)',
  },
  name: 'stanzaIds',
  features: [ns.sid],
  accountFeatures: [ns.sid],
  on: {
    'session.sent': { stamp: strip() },
    'routing.deliver': { stamp: stampId(false) },
    'routing.sentCopy': { stamp: stampId(true) },
    'archive.store': { stamp: strip() },
  },
})

/** §3: whatever says it is the account's id and is not. */
function strip(): (stanza: Stanza, context: { readonly account: BareJid }) => Outcome {
  return (stanza, context) => {
    const honest = withoutClaims(stanza, context.account)
    return honest === stanza ? pass() : change(honest)
  }
}

/** §3: one id by the account, where the archive keeps the message. */
function stampId(isSentCopy: boolean): (stanza: Stanza, context: RoutingContext) => Outcome {
  return (stanza, context) => {
    if (stanza.kind !== 'message') return pass()
    const honest = withoutClaims(stanza, context.account)
    if (isArchived(stanza, context.account, isSentCopy, context.slice(preferencesId))) {
      const attributes = { by: context.account, id: context.archiveId } // XEP-0313 §3.5
      return change(withEmptyChild(honest, { name: 'stanza-id', namespace: ns.sid, attributes }))
    }
    return honest === stanza ? pass() : change(honest)
  }
}

function withoutClaims(stanza: Stanza, account: BareJid): Stanza {
  if (stanza.kind !== 'message' || !hasPayload(stanza, ns.sid, 'stanza-id')) return stanza
  return withoutChildren(stanza, ({ name, namespace, attributes }) => {
    if (name !== 'stanza-id' || namespace !== ns.sid) return false
    const by = parseJid(attributes['by'] ?? '') // §3: addresses are compared as addresses
    return by.ok && by.value === account
  })
}
