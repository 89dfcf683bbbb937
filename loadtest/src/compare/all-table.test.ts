import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readScenario } from '../scenario/read-scenario.ts'
import { allTable } from './all-table.ts'
import type { PieceFile } from './piece.ts'
import { pieces, wholeScenario } from './pieces.ts'

const file = (target: string, figures: PieceFile['figures'], wrong = 0): PieceFile => {
  return { piece: 'archived', target, at: '', load: 1, figures, sent: 1_000, wrong, invalid: 1, runs: 2 }
}

describe('the comparison of all targets', () => {
  it('a column a target, medians with their range; what was not measured is a dash', () => {
    const lines = allTable(
      [
        file('a', { 'archived.500.cpu': 100, 'archived.500.database': 40 }),
        file('a', { 'archived.500.cpu': 300, 'archived.500.database': undefined }, 2),
        file('b', { 'archived.500.cpu': 7 }),
      ],
      ['a', 'b'],
    )
    assert.equal(lines[0], '| | a | b |')
    assert.equal(lines[2], '| archived message at 500/s: CPU s for 1M; of it the database | 200 (100–300); 40 | 7; – |')
    assert.equal(lines.at(-2), '| messages lost, duplicated, reordered or bounced | 2 of 2,000 | 0 of 1,000 |')
    assert.equal(lines.at(-1), '| runs in which the generator was short of CPU | 2 of 4 | 1 of 2 |')
  })

  it('every scenario of its pieces can be read', () => {
    for (const piece of pieces) {
      for (const { scenario } of piece.runs) {
        const read = readScenario(wholeScenario(piece, scenario.replace('RATE', '500')), `${piece.name}.yml`)
        assert.deepEqual(read.ok ? [] : read.errors, [], piece.name)
      }
    }
  })
})
