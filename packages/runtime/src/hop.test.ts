import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createHop } from './hop.ts'
import { createMetrics } from './metrics.ts'

describe('the time a hop takes', () => {
  it('is the age of each record, and never below 0 when a clock is ahead', async () => {
    const metrics = createMetrics()
    const hop = createHop(metrics)
    const value = new Uint8Array()
    const ages = [3_000, -60_000]
    hop(
      { stage: 'routing', inbox: 'routing' },
      ages.map((age, offset) => ({ offset, timestampMs: Date.now() - age, value })),
    )
    const text = await metrics.text()
    const line = (end: string): number =>
      Number(new RegExp(`^starling_hop_seconds_${end} (\\S+)$`, 'm').exec(text)?.[1])
    const labels = 'stage="routing",inbox="routing"'
    assert.equal(line(`count{${labels}}`), 2)
    assert.equal(line(`bucket{le="2",${labels}}`), 1, 'the one ahead counts as 0')
    assert.ok(line(`sum{${labels}}`) >= 3 && line(`sum{${labels}}`) < 5)
  })
})
