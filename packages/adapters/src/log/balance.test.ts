import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { balance } from './balance.ts'

describe('sharing partitions among members', () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const setting = fc.record({
    owners: fc.array(fc.option(fc.constantFrom(...names), { nil: undefined }), { maxLength: 70 }),
    members: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }),
  })

  it('property: every partition has a member, and nobody has two more than another', () => {
    fc.assert(
      fc.property(setting, ({ owners, members }) => {
        const given = balance(owners, members)
        assert.equal(given.length, owners.length)
        const counts = members.map((member) => given.filter((one) => one === member).length)
        assert.equal(
          counts.reduce((sum, count) => sum + count, 0),
          owners.length,
        )
        assert.ok(Math.max(...counts) - Math.min(...counts) <= 1)
      }),
    )
  })

  it('property: who has no more than the smaller share loses nothing, and a second sharing changes nothing', () => {
    fc.assert(
      fc.property(setting, ({ owners, members }) => {
        const given = balance(owners, members)
        const share = Math.floor(owners.length / members.length)
        for (const member of members) {
          const had = owners.flatMap((owner, partition) => (owner === member ? [partition] : []))
          const kept = had.filter((partition) => given[partition] === member)
          assert.ok(kept.length >= Math.min(had.length, share))
        }
        assert.deepEqual(balance(given, members), given)
      }),
    )
  })

  it('without members nobody has anything', () => {
    assert.deepEqual(balance(['a', undefined], []), [undefined, undefined])
  })
})
