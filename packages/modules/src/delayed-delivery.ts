import { change, defineModule, type Handler, pass } from '@starling/core'
import { hasPayload, ns } from '@starling/stanza'
import { withoutChildren } from './shared/children.ts'

/**
 * Notes of delay are the server's to make: those a client forges in its name are taken out.
 * Source: XEP-0203 §2, §5.
 */
export const delayedDelivery = defineModule({
  spec: { id: 'XEP-0203', name: 'Delayed Delivery', version: '2.0', status: 'complete' },
  name: 'delayedDelivery',
  features: [ns.delay],
  on: { 'session.sent': { stamp: withoutForgedDelay() } },
})

/** §5: a note whose `from` is the server's own address is discarded. */
function withoutForgedDelay(): Handler<'session.sent'> {
  return (stanza, context) => {
    if (stanza.kind === 'iq' || !hasPayload(stanza, ns.delay, 'delay')) return pass()
    const honest = withoutChildren(
      stanza,
      ({ name, namespace, attributes }) =>
        name === 'delay' && namespace === ns.delay && attributes['from']?.toLowerCase() === context.domain,
    )
    return honest === stanza ? pass() : change(honest)
  }
}
