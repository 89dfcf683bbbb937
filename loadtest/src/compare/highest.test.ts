import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findHighest } from './highest.ts'

describe('the highest rate that goes well', () => {
  const rates = [100, 200, 400, 800, 1_600]
  it('is found by halving, and what was tried is told', async () => {
    for (const limit of [50, 100, 399, 400, 5_000]) {
      const { highest, tried } = await findHighest(rates, async (rate) => rate <= limit)
      assert.equal(highest, rates.filter((rate) => rate <= limit).at(-1), String(limit))
      assert.ok(tried.length <= 3)
      assert.deepEqual(tried[0], { rate: 400, isWell: limit >= 400 })
    }
  })
})
