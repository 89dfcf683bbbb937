import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isThreshold, judge } from './thresholds.ts'

const figures = { 'message.p99': 150, 'message.p999': 800, 'signIn.p99': 900, lost: 0, errorShare: 0.02 }

describe('thresholds', () => {
  it('compare figures in ms, shares and numbers; a bare percentile is of messages', () => {
    const passing = ['p99 < 200ms', 'p99.9 <= 0.8s', 'signIn.p99 < 1s', 'lost == 0', 'errorShare < 5%', 'p99 != 1']
    for (const { text, ok } of judge(passing, figures)) assert.ok(ok, text)
    const failing = ['p99 < 100ms', 'lost > 0', 'errorShare <= 1%', 'signIn.p99 >= 1s']
    for (const { text, ok } of judge(failing, figures)) assert.ok(!ok, text)
  })

  it('a figure that the run does not have fails', () => {
    assert.deepEqual(judge(['presence.p99 < 1s'], figures), [
      { text: 'presence.p99 < 1s', ok: false, actual: undefined },
    ])
  })

  it('anything else is no threshold', () => {
    for (const text of ['', 'p99', 'p99 < ', 'p99 = 3', 'lost == none', '200 > p99', 'p99 < 200 ms extra']) {
      assert.ok(!isThreshold(text), text)
    }
  })
})
