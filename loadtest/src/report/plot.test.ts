import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drawPlot } from './plot.ts'

const plot = { title: 'A <b>', unit: 'ms', xUnit: 's' }

describe('plots', () => {
  it('lines break where there is nothing, texts are escaped, no number is NaN', () => {
    const points = [
      [0, 1],
      [1, undefined],
      [2, 100],
      [3, 50],
    ] as const
    for (const isLogarithmic of [true, false]) {
      const svg = drawPlot({ ...plot, isLogarithmic, series: [{ name: 'p&q', points }] })
      assert.match(svg, /^<svg .*<\/svg>$/)
      assert.match(svg, /A &lt;b&gt;.*p&amp;q/)
      assert.match(svg, /<path d="M[\d.]+ [\d.]+h0M[\d.]+ [\d.]+h0L[\d.]+ [\d.]+"/)
      assert.doesNotMatch(svg, /NaN|Infinity|undefined/)
    }
  })

  it('nothing to draw draws nothing; a single point and all zeros are no trouble', () => {
    assert.equal(drawPlot({ ...plot, series: [{ name: 'x', points: [[0, undefined]] }] }), '')
    for (const points of [
      [[5, 3]],
      [
        [0, 0],
        [1, 0],
      ],
    ] as const) {
      assert.doesNotMatch(drawPlot({ ...plot, series: [{ name: 'x', points }] }), /NaN|Infinity/)
    }
  })

  it('of many points the spikes stay', () => {
    const points = Array.from({ length: 50_000 }, (_, i) => [i, i === 31_234 ? 900 : 1] as const)
    const svg = drawPlot({ ...plot, series: [{ name: 'x', points }] })
    assert.ok(svg.length < 30_000)
    const heights = [...svg.matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map(([, , y]) => Number(y))
    assert.ok(Math.min(...heights) < 60)
  })
})
