import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judgeSaturation } from './saturation.ts'

const fine = { lagMs: 2, loopDelayMs: 3, cpuShare: 0.4 }

describe('whether the generator was the limit', () => {
  it('a quiet run is not; a pause in one second of many neither', () => {
    const seconds = Array.from({ length: 30 }, () => fine)
    assert.equal(judgeSaturation(seconds).isSaturated, false)
    assert.equal(judgeSaturation([...seconds, { ...fine, lagMs: 900 }]).isSaturated, false)
    assert.equal(judgeSaturation([]).isSaturated, false)
  })

  it('a full core, late events or a stopped loop are, each with its sentence', () => {
    const cases = [
      [{ ...fine, cpuShare: 0.97 }, /more than 90 % of a core in 10 of 10 seconds: use more workers/],
      [{ ...fine, lagMs: 450 }, /up to 450 ms after they were due/],
      [{ ...fine, loopDelayMs: 80 }, /stood still up to 80 ms/],
    ] as const
    for (const [second, sentence] of cases) {
      const verdict = judgeSaturation(Array.from({ length: 10 }, () => second))
      assert.equal(verdict.isSaturated, true)
      assert.equal(verdict.reasons.length, 1)
      assert.match(verdict.reasons[0] ?? '', sentence)
    }
  })
})
