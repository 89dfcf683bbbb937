import { defineModule } from '@starling/core'
import { ns } from '@starling/stanza'
import { xml } from '@starling/xml'
import { result } from './shared/answers.ts'
import { dateTime } from './shared/date-time.ts'

/** Tells the time at which the request was accepted. Source: XEP-0202 §2. */
export const entityTime = defineModule({
  spec: { id: 'XEP-0202', name: 'Entity Time', version: '2.0', status: 'complete' },
  name: 'entityTime',
  features: [ns.time],
  iq: {
    'get domain {urn:xmpp:time}time': (_payload, context) =>
      result(
        xml('time', { xmlns: ns.time }, xml('tzo', {}, '+00:00'), xml('utc', {}, dateTime(context.nowMs))), // XEP-0082 §3
      ),
  },
})
