import { defineModule } from '@starling/core'
import { ns } from '@starling/stanza'

/**
 * Says that hints are honoured: by offline storage, the archive and carbons (see shared/hints.ts).
 * Source: XEP-0334 §4.
 */
export const messageHints = defineModule({
  spec: { id: 'XEP-0334', name: 'Message Processing Hints', version: '1.0.0', status: 'complete' },
  name: 'messageHints',
  features: [ns.hints],
})
