import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Histograms } from './histograms.ts'

describe('histograms', () => {
  it('intervals of several workers add up to the whole', () => {
    const total = new Histograms()
    for (let worker = 0; worker < 2; worker++) {
      const interval = new Histograms()
      for (let ms = 1; ms <= 1_000; ms++) {
        interval.record('message', ms)
        if (ms % 500 === 0) total.add(interval.take())
      }
    }
    const { message } = total.summaries()
    assert.equal(message?.count, 2_000)
    for (const [found, ms] of [
      [message.p50, 500],
      [message.p99, 990],
      [message.max, 1_000],
    ] as const) {
      assert.ok(Math.abs(found - ms) <= ms / 500, `${found} for ${ms}`)
    }
  })

  it('hours and fractions of a millisecond are within range; an empty interval hands out nothing', () => {
    const histograms = new Histograms()
    assert.deepEqual(histograms.take(), {})
    histograms.record('signIn', 7_200_000)
    histograms.record('signIn', 0.25)
    const { signIn } = histograms.summaries()
    assert.ok(Math.abs((signIn?.max ?? 0) - 7_200_000) < 10_000)
    assert.ok(Math.abs((signIn?.p50 ?? 0) - 0.25) < 0.01)
  })
})
