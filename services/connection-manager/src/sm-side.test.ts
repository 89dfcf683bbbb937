import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { fromH, hValues, readH, toH } from './sm-counts.ts'
import { SmSide } from './sm-side.ts'

const fresh = (changes: Partial<ConstructorParameters<typeof SmSide>[0]> = {}): SmSide =>
  new SmSide({ base: 0, durable: 0, acked: 0, slack: 0, ...changes })

const on = (changes: Partial<ConstructorParameters<typeof SmSide>[0]> = {}): SmSide => {
  const sm = fresh(changes)
  sm.id = 'sm-1'
  return sm
}

describe('XEP-0198 §4: h', () => {
  it('goes from 2^32 - 1 to 0', () => {
    assert.equal(toH(hValues - 1), hValues - 1)
    assert.equal(toH(hValues), 0)
    assert.equal(toH(hValues + 3), 3)
    assert.equal(toH(-1), hValues - 1)
  })

  it('names the ordinal between what was acknowledged and what was written, across the wrap', () => {
    const acked = hValues - 2
    assert.equal(fromH(hValues - 1, { acked, written: hValues + 5 }), hValues - 1)
    assert.equal(fromH(0, { acked, written: hValues + 5 }), hValues)
    assert.equal(fromH(5, { acked, written: hValues + 5 }), hValues + 5)
    assert.equal(fromH(6, { acked, written: hValues + 5 }), undefined, 'one more than was written')
  })

  it('one that lies behind changes nothing', () => {
    assert.equal(fromH(9, { acked: 10, written: 12 }), 10)
    assert.equal(fromH(hValues - 1, { acked: hValues + 2, written: hValues + 2 }), hValues + 2)
  })

  it('property: every ordinal that may be acknowledged survives its way through h', () => {
    const size = fc.integer({ min: 0, max: 100_000 })
    const start = fc.integer({ min: 0, max: 4 * hValues })
    fc.assert(
      fc.property(start, size, size, (acked, ahead, more) => {
        const written = acked + ahead + more
        assert.equal(fromH(toH(acked + ahead), { acked, written }), acked + ahead)
        assert.equal(fromH(toH(written + 1), { acked, written }), undefined)
      }),
    )
  })

  it('xs:unsignedInt alone is one', () => {
    assert.equal(readH('0'), 0)
    assert.equal(readH('4294967295'), hValues - 1)
    for (const text of [undefined, '', '-1', '1.5', '4294967296', '99999999999', 'x', ' 1'])
      assert.equal(readH(text), undefined)
  })
})

describe('SmSide: what the client sent', () => {
  it('§4: counts from the enable on', () => {
    const sm = on({ base: 5, durable: 5 })
    assert.equal(sm.h, 0)
    sm.settle(6)
    assert.equal(sm.h, 1)
  })

  it('R1: an acknowledgement covers only what is durable without a gap, in whatever order the log answers', () => {
    const sm = on()
    assert.ok(sm.ask(0))
    assert.equal(sm.ask(3), false)
    sm.settle(3)
    sm.settle(2)
    assert.equal(sm.h, 0)
    assert.equal(sm.takeOwed(), false)
    sm.settle(1)
    assert.equal(sm.h, 3)
    assert.equal(sm.takeOwed(), true)
    assert.equal(sm.takeOwed(), false, 'once')
  })

  it('nothing is acknowledged before <enabled/>; what was asked before is then', () => {
    const sm = fresh()
    assert.equal(sm.ask(0), false)
    sm.settle(1)
    assert.equal(sm.takeOwed(), false)
    sm.id = 'sm-1'
    assert.equal(sm.takeOwed(), true)
  })

  it('R8: any number of requests behind one stanza are one', () => {
    const sm = on()
    for (let count = 0; count < 1_000; count++) sm.ask(1)
    sm.ask(2)
    sm.settle(1)
    assert.equal(sm.takeOwed(), true)
    sm.settle(2)
    assert.equal(sm.takeOwed(), true)
    assert.equal(sm.takeOwed(), false)
  })

  it('§5: a resumed session counts on, across the wrap', () => {
    const sm = on({ base: 7 - (hValues - 1), durable: 7 })
    assert.equal(sm.h, hValues - 1)
    sm.settle(8)
    assert.equal(sm.h, 0)
  })
})

describe('SmSide: what is written', () => {
  it('R4: only the next; lower ones are known, higher ones a gap', () => {
    const sm = on({ acked: 4 })
    assert.equal(sm.place(4), 'known')
    assert.equal(sm.place(6), 'gap')
    assert.equal(sm.place(5), 'next')
    assert.equal(sm.place(5), 'known')
    assert.equal(sm.place(6), 'next')
    assert.equal(sm.unacked, 2)
  })

  it('property: whatever comes, what is written is 1, 2, 3, … without a repetition', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 })), (ordinals) => {
        const sm = on()
        const written = ordinals.filter((ordinal) => sm.place(ordinal) === 'next')
        assert.deepEqual(
          written,
          written.map((_, at) => at + 1),
        )
      }),
    )
  })

  it('§6: more than was written is too high; an answer ends the waiting for one', () => {
    const sm = on()
    sm.place(1)
    sm.requestedMs = 5
    assert.equal(sm.handled(2), 'tooHigh')
    assert.equal(sm.requestedMs, 5)
    assert.equal(sm.handled(0), 'same')
    assert.equal(sm.requestedMs, 0)
    assert.equal(sm.handled(1), 'more')
    assert.equal(sm.unacked, 0)
  })

  it('R8: what waited for a resumption does not count against the limit, until it is acknowledged', () => {
    const sm = on({ slack: 3 })
    for (let ordinal = 1; ordinal <= 5; ordinal++) sm.place(ordinal)
    assert.equal(sm.isOver(2), false)
    sm.place(6)
    assert.equal(sm.isOver(2), true)
    sm.handled(3)
    assert.equal(sm.isOver(3), false)
    assert.equal(sm.isOver(2), true)
  })

  it('R11: another delivery under a number that was written is known by its cause; a repetition is none', () => {
    const side = new SmSide({ base: 0, durable: 0, acked: 0, slack: 0 })
    const cause = (offset: number, index = 0) => ({ inbox: 2, partition: 5, offset, index })
    assert.equal(side.place(1, cause(10)), 'next')
    assert.equal(side.place(2, cause(10, 1)), 'next')
    for (const same of [cause(10), cause(10, 1), cause(9), undefined]) assert.equal(side.place(2, same), 'known')
    assert.equal(side.place(1, cause(11)), 'other')
    assert.equal(side.place(2, cause(10, 2)), 'other')
    assert.equal(side.place(2, { ...cause(11), partition: 6 }), 'known', 'of another source: not to be compared')
    assert.equal(side.place(3, cause(12)), 'next')
  })
})
