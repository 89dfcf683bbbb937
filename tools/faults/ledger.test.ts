import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ledger } from './ledger.ts'

const managed = new Set(['a', 'b'])

/** A book of three messages from a to b, all acknowledged. */
function book(): Ledger {
  const ledger = new Ledger(managed)
  for (const n of [1, 2, 3]) {
    ledger.sent('a', 'b', n)
    ledger.settled(`a.${n}`, 'acked')
  }
  return ledger
}

describe('the reconciliation of messages', () => {
  it('finds nothing where each came once, in order', () => {
    const ledger = book()
    for (const n of [1, 2, 3]) ledger.received('b', `a.${n}`)
    const { lost, twice, reordered, bounced, sent, acked } = ledger.account()
    assert.deepEqual({ sent, acked, lost, twice, reordered, bounced }, { sent: 3, acked: 3, ...clean })
  })

  it('finds what was lost, came twice, in the wrong order, or back', () => {
    const ledger = book()
    ledger.received('b', 'a.2')
    ledger.received('b', 'a.1')
    ledger.received('b', 'a.1')
    ledger.bounced('a.1')
    const { lost, twice, reordered, bounced } = ledger.account()
    assert.deepEqual([lost.acked, twice.acked, reordered.acked, bounced.acked], [1, 1, 1, 1])
    assert.equal(ledger.outstanding, 1)
  })

  it('counts what was never acknowledged apart, and promises a client without stream management nothing live', () => {
    const ledger = new Ledger(managed)
    ledger.sent('a', 'b', 1)
    ledger.settled('a.1', 'unknown')
    ledger.sent('a', 'c', 2)
    ledger.settled('a.2', 'acked')
    ledger.sent('c', 'a', 1)
    const { lost, missedUnmanaged } = ledger.account()
    assert.deepEqual(lost, { acked: 0, unacked: 0 })
    assert.equal(missedUnmanaged, 1)
    ledger.giveUp()
    assert.equal(ledger.outstanding, 0)
  })

  it('Redis has forgotten: what a session had that could not go on is excused, what came late may be overtaken, nothing else', () => {
    const ledger = book()
    ledger.isForgetful = true
    ledger.received('b', 'a.2')
    ledger.received('b', 'a.1', true)
    ledger.began('b')
    ledger.sent('a', 'b', 4)
    ledger.settled('a.4', 'acked')
    const { lost, excused, reordered } = ledger.account()
    assert.deepEqual([lost.acked, excused, reordered.acked], [1, 1, 0])
    ledger.isForgetful = false
    assert.equal(ledger.account().reordered.acked, 1)
  })

  it('finds what an archive lacks, has twice, or in the wrong order', () => {
    const ledger = book()
    assert.deepEqual(ledger.checkArchive('a', 'b', ['a.1', 'a.2', 'a.3']), [])
    assert.deepEqual(ledger.checkArchive('a', 'b', ['a.1', 'a.3', 'a.2', 'a.2']), [
      'a.2 stands after a.3',
      'a.2 stands twice',
    ])
    assert.deepEqual(ledger.checkArchive('a', 'b', ['a.1', 'a.3']), ['a.2 is missing'])
  })
})

const clean = {
  lost: { acked: 0, unacked: 0 },
  twice: { acked: 0, unacked: 0 },
  reordered: { acked: 0, unacked: 0 },
  bounced: { acked: 0, unacked: 0 },
}
