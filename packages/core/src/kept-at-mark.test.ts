import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BareJid } from '@starling/jid'
import { keptAtMark } from './kept-at-mark.ts'

const [romeo, juliet, nurse] = ['romeo@a', 'juliet@a', 'nurse@a'] as BareJid[] as [BareJid, BareJid, BareJid]

describe('what is kept of an account at a mark', () => {
  it('R3: is of use with the state of that mark alone, before and after it is not', () => {
    const kept = keptAtMark<string>(10)
    kept.put(romeo, 5, 'five')
    assert.deepEqual(
      [4, 5, 6].map((mark) => kept.get(romeo, mark)),
      [undefined, 'five', undefined],
    )
    kept.put(romeo, 7, 'seven')
    assert.deepEqual([kept.get(romeo, 5), kept.get(romeo, 7)], [undefined, 'seven'])
    kept.forgetAll()
    assert.equal(kept.get(romeo, 7), undefined)
  })

  it('has a limit: the one that was longest not put goes', () => {
    const kept = keptAtMark<number>(2)
    kept.put(romeo, 1, 1)
    kept.put(juliet, 1, 2)
    kept.put(romeo, 2, 3)
    kept.put(nurse, 1, 4)
    assert.deepEqual([kept.size(), kept.get(juliet, 1), kept.get(romeo, 2), kept.get(nurse, 1)], [2, undefined, 3, 4])
  })
})
