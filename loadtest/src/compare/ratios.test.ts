import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RunResult } from '../report/result.ts'
import { tableLines } from './compare.ts'
import { ratios } from './ratios.ts'

const run = (receivedPerSecond: number, p50: number | undefined, lost: number): RunResult =>
  ({
    receivedPerSecond,
    measures: p50 === undefined ? {} : { message: { p50, p99: p50 * 2 } },
    reconciled: { lost, duplicated: 0, reordered: 0 },
    server: undefined,
    counts: {},
  }) as unknown as RunResult

describe('comparing two targets', () => {
  it('medians of the rounds, their range, and b through a; what neither has is left out', () => {
    const table = ratios([run(100, 2, 0), run(300, 4, 0), run(200, 9, 0)], [run(400, 1, 0), run(400, 2, 5)])
    const [received, p50] = table
    assert.deepEqual(received?.a, { median: 200, least: 100, greatest: 300 })
    assert.deepEqual([received?.ratio, p50?.ratio], [2, 0.375])
    assert.ok(!table.some(({ figure }) => figure === 'server memory'))
    assert.equal(table.find(({ figure }) => figure === 'lost')?.ratio, undefined)
    assert.equal(tableLines(table, ['x', 'y'])[2], '| received, messages/s | 200 (100–300) | 400 | 2.00 |')
  })

  it('a figure that only one has is shown without a ratio', () => {
    const p50 = ratios([run(1, undefined, 0)], [run(1, 3, 0)]).find(({ figure }) => figure === 'message p50')
    assert.deepEqual(p50, {
      figure: 'message p50',
      unit: 'ms',
      a: undefined,
      b: { median: 3, least: 3, greatest: 3 },
      ratio: undefined,
    })
  })
})
