import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RosterItem } from '@starling/core'
import type { BareJid } from '@starling/jid'
import fc from 'fast-check'
import { rosterCodec } from './roster-codec.ts'

const item: fc.Arbitrary<RosterItem> = fc.record(
  {
    jid: fc.string({ unit: 'grapheme' }).map((name) => `${name}@example.org` as BareJid),
    name: fc.string({ unit: 'grapheme' }),
    groups: fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 3 }),
    subscription: fc.constantFrom('none' as const, 'to' as const, 'from' as const, 'both' as const),
    ask: fc.boolean(),
    request: fc.uint8Array(),
    approved: fc.boolean(),
    isListed: fc.boolean(),
  },
  { requiredKeys: ['jid', 'name', 'groups', 'subscription', 'ask', 'approved', 'isListed'], noNullPrototype: true },
)

describe('R3: a roster in a decision', () => {
  it('comes back as it was, its items in their order', () => {
    const codec = rosterCodec()
    fc.assert(
      fc.property(fc.string(), fc.array(item), (version, all) => {
        const roster = { version, items: new Map(all.map((one) => [one.jid, one])) }
        const read = codec.decode(Buffer.from(codec.encode(roster)))
        assert.deepEqual(read, roster)
        assert.deepEqual([...(read?.items.keys() ?? [])], [...roster.items.keys()])
      }),
    )
  })

  it('no roster is no bytes; what cannot be read is no roster', () => {
    const codec = rosterCodec()
    assert.equal(codec.encode(undefined).length, 0)
    for (const text of ['', 'x', '1', '[2,"",[]]', '[1,""]', 'null'])
      assert.equal(codec.decode(Buffer.from(text)), undefined)
  })

  it('is encoded once', () => {
    const codec = rosterCodec()
    const roster = { version: '1', items: new Map() }
    assert.equal(codec.encode(roster), codec.encode(roster))
  })
})
