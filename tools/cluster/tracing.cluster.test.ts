import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type OtlpReceiver, startOtlpReceiver, traceStory } from '@starling/testkit'
import { type FaultBed, makeFaultBed } from './testing/fault-bed.ts'

// The certificate of a test is its own: nobody signed it. In production clients check it.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'

/** Away from a developer's own cluster and from other tests'. */
const portOffset = 4_500

describe('on a cluster: a trace goes through the log from pod to pod', () => {
  let receiver: OtlpReceiver
  let bed: FaultBed
  before(async () => {
    receiver = await startOtlpReceiver()
    const environment = { STARLING_TRACING_OTLP_URL: receiver.url, STARLING_TRACING_SAMPLE_RATIO: '1' }
    bed = await makeFaultBed(portOffset, { environment })
  })
  after(async () => {
    await bed?.end()
    await receiver?.close()
  })

  it('each service sends its own spans, and all are one trace', async () => {
    const spans = await traceStory(bed, receiver)
    assert.deepEqual([...new Set(spans.map(({ service }) => service))].sort(), [
      'starling-connection-manager',
      'starling-routing',
      'starling-session',
      'starling-storage',
    ])
    await bed.well()
  })
})
