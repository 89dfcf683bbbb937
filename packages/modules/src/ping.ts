import { defineModule } from '@starling/core'
import { ns } from '@starling/stanza'
import { result } from './shared/answers.ts'

/** Answers pings to the server and, on its behalf, to one's own account. Source: XEP-0199 §4.2. */
export const ping = defineModule({
  spec: { id: 'XEP-0199', name: 'XMPP Ping', version: '2.0.1', status: 'complete' },
  name: 'ping',
  features: [ns.ping],
  accountFeatures: [ns.ping],
  iq: {
    'get self {urn:xmpp:ping}ping': () => result(),
    'get domain {urn:xmpp:ping}ping': () => result(),
  },
})
