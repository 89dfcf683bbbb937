import { defineModule } from '@starling/core'
import { ns } from '@starling/stanza'

/** Says that results are paged where a protocol allows it (see shared/result-set.ts). Source: XEP-0059 §2, §4. */
export const resultSets = defineModule({
  spec: {
    id: 'XEP-0059',
    name: 'Result Set Management',
    version: '1.0',
    status: 'partial',
    note: 'pages by item, no pages by index and no counts (§2.6, §2.7 leave them out where they cost much)',
  },
  name: 'resultSets',
  features: [ns.rsm],
  accountFeatures: [ns.rsm],
})
