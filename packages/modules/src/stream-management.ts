import { defineModule } from '@starling/core'

/**
 * Says that streams are managed. The parts lie where they act: counting and acknowledging in the connection-manager, sessions
 * that outlive their connection in the session stage, unacknowledged queues in routing. It is a stream feature and no
 * discovery feature.
 * Source: XEP-0198 §2.
 */
export const streamManagement = defineModule({
  spec: {
    id: 'XEP-0198',
    name: 'Stream Management',
    version: '1.6.3',
    status: 'complete',
    note: 'between clients and server',
  },
  name: 'streamManagement',
})
