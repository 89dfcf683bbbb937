import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readTotals } from './totals.ts'

describe('totals', () => {
  it('adds several runs, behind turbo or not, and counts cancelled as failed', () => {
    const turbo = '@starling/jid:test: ℹ tests 3\n@starling/jid:test: ℹ pass 2\n@starling/jid:test: ℹ fail 1\n'
    const plain = '\u001b[34mℹ tests 4\u001b[39m\n# pass 1\nℹ cancelled 2\nℹ skipped 1\nℹ duration_ms 3.4\n'
    assert.deepEqual(readTotals(turbo + plain), { tests: 7, passed: 3, failed: 3, skipped: 1 })
  })

  it('counts nothing that only looks alike', () => {
    assert.equal(readTotals('the ℹ pass 5\nℹ pass five\nmy ℹ fail 2\n').tests, 0)
  })
})
