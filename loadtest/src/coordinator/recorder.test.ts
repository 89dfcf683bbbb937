import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Histograms } from '../measure/histograms.ts'
import type { Second } from '../worker/messages.ts'
import { difference, Recorder, sumCounts } from './recorder.ts'

function second(sent: number, latencyMs: number): Second {
  const histograms = new Histograms()
  histograms.record('message', latencyMs)
  return {
    users: 2,
    online: 2,
    sent,
    received: sent,
    open: 0,
    counts: {},
    failures: { why: sent },
    measured: histograms.take(),
    health: { lagMs: 1, loopDelayMs: 1, cpuShare: 0.5 },
  }
}

describe('putting seconds of workers together', () => {
  it('rates are of the time that passed, CPU of what was used in it; two workers add up', () => {
    const recorder = new Recorder()
    const usage = (cpuSeconds: number) => [{ name: 's', cpuSeconds, memoryMb: 10 }]
    recorder.close(1, [], usage(5))
    for (const worker of [0, 1]) recorder.take(second(10, 20), worker)
    const moment = recorder.close(3, [second(10, 1), second(10, 1)], usage(6))
    assert.deepEqual([moment.sent, moment.failures, moment.generatorCpu, moment.server[0]?.cpu], [10, 20, 1, 0.5])
    assert.ok(Math.abs((moment.p50 ?? 0) - 20) < 0.1)
  })

  it('the total holds the measured part alone, with what arrives after the load; health only the load', () => {
    const recorder = new Recorder()
    recorder.take(second(1, 1_000), 0)
    recorder.begin()
    recorder.take(second(2, 10), 0)
    recorder.endLoad()
    recorder.take(second(3, 10), 0)
    assert.equal(recorder.total.summaries().message?.count, 2)
    assert.equal(recorder.health.length, 1)
  })

  it('what was before the measured part has negative seconds', () => {
    const recorder = new Recorder()
    recorder.close(1, [second(0, 1)], [])
    recorder.close(2, [second(10, 1)], [])
    recorder.rebase(2.5)
    const after = recorder.close(0.5, [second(30, 1)], [])
    assert.deepEqual(
      recorder.moments.map(({ at }) => at),
      [-1.5, -0.5, 0.5],
    )
    assert.equal(after.sent, 20)
  })

  it('counters add up by name, known ones are 0, and a state is what came since another', () => {
    const sum = sumCounts([{ cuts: 1 }, { cuts: 2, other: 3 }], true)
    assert.deepEqual([sum['cuts'], sum['other'], sum['resumed']], [3, 3, 0])
    assert.deepEqual(difference({ a: 5, b: 1 }, { a: 2 }), { a: 3, b: 1 })
  })
})
