import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Outbox } from './outbox.ts'

const stanza = (number: number) => ({ text: `<m${number}/>`, number, intendedAt: 0 })

describe('XEP-0198 §4: what a client keeps', () => {
  it('h takes away what was handled, in order, and never more than was sent', () => {
    const outbox = new Outbox()
    for (let i = 0; i < 3; i++) outbox.push(stanza(i))
    assert.deepEqual(
      outbox.acked(2)?.map(({ number }) => number),
      [0, 1],
    )
    assert.deepEqual(outbox.acked(2), [])
    assert.equal(outbox.acked(9), undefined)
    assert.deepEqual(
      outbox.unacked().map(({ number }) => number),
      [2],
    )
    assert.deepEqual(
      outbox.forget().map(({ number }) => number),
      [2],
    )
    outbox.push(stanza(3))
    assert.deepEqual(
      outbox.acked(1)?.map(({ number }) => number),
      [3],
    )
  })

  it('every stanza is acknowledged once or left over, whatever the acks', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant('send' as const), fc.nat(8)), { maxLength: 60 }), (steps) => {
        const outbox = new Outbox()
        const done: number[] = []
        let sent = 0
        let h = 0
        for (const step of steps) {
          if (step === 'send') outbox.push(stanza(sent++))
          else {
            const acked = outbox.acked(h + step)
            assert.equal(acked === undefined, h + step > sent)
            if (acked === undefined) continue
            h += step
            done.push(...acked.map(({ number }) => number))
          }
        }
        done.push(...outbox.forget().map(({ number }) => number))
        assert.deepEqual(
          done,
          Array.from({ length: sent }, (_, i) => i),
        )
      }),
    )
  })
})
