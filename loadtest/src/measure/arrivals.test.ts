import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openLoop, seededRandom } from './arrivals.ts'

describe('open-loop arrivals', () => {
  it('even ones do not drift', () => {
    const arrivals = openLoop({ startMs: 1_000, perSecond: 3, spacing: 'even', random: seededRandom(1) })
    for (let i = 0; i < 3_000; i++) arrivals.take()
    assert.equal(arrivals.next(), 1_000 + 1_000_000)
  })

  it('Poisson ones have the rate on average, rise, and are the same for the same seed', () => {
    const times = (seed: number): readonly number[] => {
      const arrivals = openLoop({ startMs: 0, perSecond: 100, spacing: 'poisson', random: seededRandom(seed) })
      return Array.from({ length: 20_000 }, () => arrivals.take())
    }
    const some = times(7)
    assert.ok(Math.abs((some.at(-1) ?? 0) - 200_000) < 6_000, `${some.at(-1)}`)
    assert.ok(some.every((at, i) => i === 0 || at >= (some[i - 1] ?? 0)))
    assert.deepEqual(times(7), some)
    assert.notDeepEqual(times(8), some)
  })

  it('what was taken is what was due next', () => {
    const arrivals = openLoop({ startMs: 0, perSecond: 10, spacing: 'poisson', random: seededRandom(2) })
    const due = arrivals.next()
    assert.equal(arrivals.take(), due)
  })
})
