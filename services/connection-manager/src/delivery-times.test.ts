import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Output } from '@starling/wire'
import { DeliveryTimes } from './delivery-times.ts'
import { createCounts } from './test-support/fake-metrics.ts'
import { useHarness } from './test-support/harness.ts'

const start = useHarness()
const name = 'starling_delivery_seconds'

describe('the time from one client to another', () => {
  it('is the age of each stamp when the tick is written: never below 0, none where there is no stamp', () => {
    const counts = createCounts()
    let nowMs = 10_000
    const flushes: (() => void)[] = []
    const times = new DeliveryTimes({
      metrics: counts.metrics,
      clock: () => nowMs,
      afterFlush: (run) => flushes.push(run),
    })
    for (const atMs of [9_990, 0, 7_000, 10_500]) times.add(atMs)
    assert.deepEqual(counts.observed.get(name), [], 'nothing is written yet')
    nowMs = 10_015
    assert.equal(flushes.length, 1, 'once a tick')
    for (const run of flushes.splice(0)) run()
    assert.deepEqual(counts.observed.get(name), [0.025, 3.015, 0])
    times.add(10_000)
    for (const run of flushes.splice(0)) run()
    assert.deepEqual(counts.observed.get(name)?.slice(3), [0.015], 'the next tick by itself')
  })

  it('a delivery is measured once for each recipient that it is written to, and only there', async () => {
    const { fake, published, plain, until } = await start()
    const client = await plain()
    await client.signIn()
    const connection = published('bind')[0]?.target.connection ?? assert.fail()
    const output: Output = {
      kind: 'output',
      key: '',
      atMs: Date.now() - 60_000,
      slot: 3,
      epoch: 17,
      recipients: [
        { connection, to: '' },
        { connection: connection + 1, to: '' },
      ],
      raw: Buffer.from('<message><body>o</body></message>'),
    }
    fake.emit(output, { ...output, atMs: 0 })
    await client.expect(/<message><body>o<\/body><\/message><message>/)
    const measured = fake.counts.observed.get(name) ?? []
    await until(() => measured.length > 0)
    assert.equal(measured.length, 1, 'nobody has the other connection; what was kept has no stamp')
    assert.ok((measured[0] ?? 0) >= 60)
  })
})
