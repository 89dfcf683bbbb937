import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Ledger } from './ledger.ts'

describe('the ledger of numbered messages', () => {
  it('tells lost, duplicated, reordered, bounced, late and archived apart, acknowledged and not', () => {
    const ledger = new Ledger(100)
    for (let i = 0; i < 8; i++) ledger.send(i < 6 ? 1 : 2, i)
    assert.deepEqual(ledger.arrive(1, 31), { kind: 'first', latencyMs: 30, intendedAt: 1, sender: 1, isWarmUp: false })
    ledger.arrive(0, 40)
    assert.equal(ledger.arrive(0, 41).kind, 'repeated')
    ledger.arrive(2, 500)
    ledger.bounced(3)
    ledger.archived(4)
    ledger.acked(5)
    ledger.acked(5)
    assert.equal(ledger.open, 3)
    ledger.arrive(6, 10)
    assert.equal(ledger.arrive(99, 1).kind, 'unknown')
    assert.deepEqual(ledger.reconcile(), {
      sent: 8,
      received: 4,
      duplicated: 1,
      reordered: 1,
      bounced: 1,
      late: 1,
      acked: 1,
      archived: 1,
      lost: 2,
      lostAcked: 1,
      lostUnacked: 1,
    })
  })

  it('what arrives after all is neither bounced nor only archived', () => {
    const ledger = new Ledger(100)
    ledger.send(0, 0)
    ledger.send(0, 0)
    ledger.bounced(0)
    ledger.archived(1)
    ledger.arrive(0, 1)
    ledger.arrive(1, 1)
    ledger.bounced(1)
    const { received, bounced, archived, lost } = ledger.reconcile()
    assert.deepEqual({ received, bounced, archived, lost }, { received: 2, bounced: 0, archived: 0, lost: 0 })
    assert.equal(ledger.open, 0)
  })

  it('warm-up is reconciled but marked', () => {
    const ledger = new Ledger(100)
    ledger.send(0, 0)
    ledger.endWarmUp()
    ledger.send(0, 5)
    const [first, second] = [ledger.arrive(0, 9), ledger.arrive(1, 9)]
    assert.ok(first.kind === 'first' && first.isWarmUp)
    assert.ok(second.kind === 'first' && !second.isWarmUp)
  })

  it('received, bounced, archived and lost always sum to what was sent, past a chunk too', () => {
    const fate = fc.constantFrom('arrive', 'twice', 'bounce', 'archive', 'lose', 'archiveThenArrive')
    fc.assert(
      fc.property(fc.array(fate, { maxLength: 200 }), fc.constantFrom(0, 65_500), (fates, before) => {
        const ledger = new Ledger(1_000)
        for (let i = 0; i < before; i++) ledger.arrive(ledger.send(0, 0), 0)
        for (const what of fates) {
          const number = ledger.send(1, 0)
          if (what === 'bounce') ledger.bounced(number)
          if (what.startsWith('archive')) ledger.archived(number)
          if (what === 'arrive' || what === 'twice' || what === 'archiveThenArrive') ledger.arrive(number, 1)
          if (what === 'twice') ledger.arrive(number, 1)
        }
        const sum = ledger.reconcile()
        assert.equal(sum.received + sum.bounced + sum.archived + sum.lost, sum.sent)
        assert.equal(sum.duplicated, fates.filter((what) => what === 'twice').length)
        assert.equal(sum.lost, fates.filter((what) => what === 'lose').length)
        assert.equal(sum.reordered, 0)
      }),
      { numRuns: 30 },
    )
  })
})
