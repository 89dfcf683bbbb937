import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { expiring } from './expiring.ts'

describe('expiring values', () => {
  it('end at their time, and not before', () => {
    const values = expiring<string>(10)
    values.set('a', 'x', 0, 100)
    assert.deepEqual([values.get('a', 99), values.leftMs('a', 99)], ['x', 1])
    assert.deepEqual([values.get('a', 100), values.leftMs('a', 100)], [undefined, undefined])
  })

  it('leave no heap of what has ended, also behind one that lives long', () => {
    const values = expiring<number>(Number.POSITIVE_INFINITY)
    values.set('long', 0, 0, 1_000_000)
    for (let now = 0; now < 1000; now++) values.set(`short ${now}`, now, now, 5)
    assert.ok(values.size() < 20, `${values.size()} are kept`)
    assert.equal(values.get('long', 1000), 0)
  })

  it('are never more than their limit', () => {
    const values = expiring<number>(3)
    for (let i = 0; i < 10; i++) values.set(`${i}`, i, 0, 1000)
    assert.equal(values.size(), 3)
    assert.equal(values.get('9', 0), 9)
  })
})
