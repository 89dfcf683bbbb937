import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { archiveId, isArchiveId } from './archive-id.ts'
import { causeIndex, causeTable, maxEmissions } from './causes.ts'
import { causeSource, partitionOf } from './inboxes.ts'
import { packedBytes, packRecord, unpackRecord } from './record.ts'

describe('wire: records', () => {
  it('what is packed is unpacked, in order, in the size foretold', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (envelopes) => {
        const value = packRecord(envelopes)
        const unpacked = unpackRecord(value)
        assert.ok(unpacked.ok)
        assert.deepEqual(
          unpacked.value.map((one) => [...one]),
          envelopes.map((one) => [...one]),
        )
        if (envelopes.length > 0)
          assert.equal(
            value.length,
            envelopes.reduce((size, one) => packedBytes(size, one.length), 0),
          )
      }),
    )
  })

  it('an empty, a foreign and a cut value are faults', () => {
    assert.deepEqual(unpackRecord(new Uint8Array(0)), { ok: false, error: 'empty' })
    assert.deepEqual(unpackRecord(new Uint8Array([9, 1])), { ok: false, error: 'version' })
    const value = packRecord([new Uint8Array([1, 2, 3])])
    for (let end = 2; end < value.length; end++) {
      assert.deepEqual(unpackRecord(value.subarray(0, end)), { ok: false, error: 'truncated' })
    }
  })
})

describe('wire: partitions', () => {
  it("are those of Kafka's own clients (values of its UtilsTest)", () => {
    const masked = 0x7fffffff
    assert.equal(partitionOf('21', masked), -973_932_308 & masked)
    assert.equal(partitionOf('foobar', masked), -790_332_482 & masked)
    assert.equal(partitionOf('a-little-bit-long-string', masked), -985_981_536 & masked)
    assert.equal(partitionOf('abc', masked), 479_470_107)
  })

  it('spread addresses over all of them', () => {
    const seen = new Set(Array.from({ length: 2_000 }, (_, i) => partitionOf(`user${i}@example.org`, 64)))
    assert.equal(seen.size, 64)
  })
})

describe('wire: R3 causes', () => {
  it('a cause not above the highest seen from its source is a duplicate', () => {
    const table = causeTable('')
    const at = (partition: number, offset: number, index: number) =>
      table.accept({ inbox: 1, partition, offset, index })
    assert.equal(at(0, 5, 0), true)
    assert.equal(at(0, 5, 0), false)
    assert.equal(at(0, 5, 1), true)
    assert.equal(at(0, 4, 9), false)
    assert.equal(at(1, 4, 9), true, 'another partition counts for itself')
  })

  it('a question is always taken, and makes nothing a duplicate', () => {
    const table = causeTable('')
    const at = (offset: number, index: number) => table.accept({ inbox: 1, partition: 0, offset, index })
    assert.equal(at(9, 0), true)
    assert.equal(at(5, causeIndex(3, maxEmissions)), true)
    assert.equal(at(5, causeIndex(3, maxEmissions)), true)
    assert.equal(at(9, causeIndex(3, maxEmissions)), true)
    assert.equal(at(9, causeIndex(1, 0)), true)
    assert.equal(at(9, causeIndex(1, 0)), false)
  })

  it('the table survives its commit, and fits the broker’s 4,096 characters for four sources of 64 partitions', () => {
    const table = causeTable('')
    const causes = Array.from({ length: 256 }, (_, i) => ({
      inbox: 1 + Math.floor(i / 64),
      partition: i % 64,
      offset: 2 ** 47 + i,
      index: 2 ** 32 - 2,
    }))
    for (const cause of causes) table.accept(cause)
    const text = table.encode()
    assert.ok(text.length <= 4_096, `${text.length} characters`)
    const again = causeTable(text)
    for (const cause of causes) assert.equal(again.accept(cause), false)
    for (const cause of causes) assert.equal(again.accept({ ...cause, offset: cause.offset + 1 }), true)
  })

  it('the table survives its commit with many partitions and high offsets too', () => {
    const table = causeTable('')
    const causes = [0, 127, 128, 300, 32_767].flatMap((partition) => [
      { inbox: 18, partition, offset: 7, index: 1 },
      { inbox: 2, partition, offset: Number.MAX_SAFE_INTEGER - partition - 1, index: 1 },
    ])
    for (const cause of causes) table.accept(cause)
    const again = causeTable(table.encode())
    for (const cause of causes) assert.equal(again.accept(cause), false)
    for (const cause of causes) assert.equal(again.accept({ ...cause, index: 2 }), true)
  })

  it('two stages that read one inbox are two sources: what the slower one causes is no repetition', () => {
    const table = causeTable('')
    const cause = { partition: 0, index: 0 }
    assert.equal(table.accept({ ...cause, inbox: causeSource('routing', 'storage'), offset: 29 }), true)
    assert.equal(table.accept({ ...cause, inbox: causeSource('routing', 'routing'), offset: 28 }), true)
    assert.equal(table.accept({ ...cause, inbox: causeSource('routing', 'storage'), offset: 28 }), false)
  })

  it('metadata of somebody else counts as empty', () => {
    assert.equal(causeTable('not ours at all').accept({ inbox: 1, partition: 0, offset: 0, index: 0 }), true)
  })

  it('the last emission of an envelope is below the first of the next', () => {
    assert.ok(causeIndex(3, maxEmissions) < causeIndex(4, 0))
  })
})

describe('wire: R9 archive ids', () => {
  it('sort bytewise as their places do, and are recognised', () => {
    const place = fc.record({ offset: fc.maxSafeNat(), index: fc.nat({ max: 2 ** 20 - 1 }) })
    fc.assert(
      fc.property(place, place, (one, other) => {
        const [a, b] = [archiveId(one), archiveId(other)]
        const order = Math.sign(one.offset - other.offset) || Math.sign(one.index - other.index)
        assert.equal(a < b ? -1 : a > b ? 1 : 0, order)
        assert.ok(isArchiveId(a))
      }),
    )
  })

  it('nothing else is recognised', () => {
    for (const text of ['', 'x', '0000000000000000', "1'; DROP TABLE--", `${archiveId({ offset: 1, index: 1 })}0`]) {
      assert.equal(isArchiveId(text), false, text)
    }
  })
})
