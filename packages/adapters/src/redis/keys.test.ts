import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { presenceKeys } from './keys.ts'

const keys = presenceKeys('starling:')

/** What Redis Cluster hashes: what stands between the first `{` and the next `}`, if anything does. */
function hashTag(key: string): string {
  const open = key.indexOf('{')
  const close = key.indexOf('}', open + 1)
  return open < 0 || close <= open + 1 ? key : key.slice(open + 1, close)
}

const hostile = fc.string({
  unit: fc.constantFrom('{', '}', '%', '7', 'b', 'd', ':', 'a', '@'),
  minLength: 1,
  maxLength: 8,
})

describe('keys of presence', () => {
  it('look as documented', () => {
    assert.equal(keys.state('session', 'romeo@montague.example'), 'starling:session:{romeo@montague.example}')
    assert.equal(keys.generation('{romeo}@montague.example'), 'starling:generation:{%7bromeo%7d@montague.example}')
  })

  it('all keys of an account share one tag, whatever its name', () => {
    fc.assert(
      fc.property(hostile, (account) => {
        const states = [keys.state('session', account), keys.state('routing', account)]
        const all = [...states, keys.generation(account), keys.queue(account, '1-2-3'), keys.queue(account, '{x}')]
        const tags = new Set(all.map(hashTag))
        assert.equal(tags.size, 1)
        assert.ok(!all.includes([...tags][0] ?? ''), 'the tag is a part of the key')
      }),
    )
  })

  it('no two accounts share a key or a tag, and no kind of key another', () => {
    fc.assert(
      fc.property(hostile, hostile, (a, b) => {
        fc.pre(a !== b)
        const of = (name: string): readonly string[] => [
          keys.state('session', name),
          keys.state('routing', name),
          keys.generation(name),
          keys.counter(name),
          keys.queue(name, 'q'),
          keys.queue(name, ''),
          keys.slot(0),
          keys.roll({ slot: 0, epoch: 1 }),
          keys.rolls,
          keys.progress('session', 0),
          keys.progress('routing', 0),
          ...keys.hibernations,
        ]
        assert.equal(new Set(of(a)).size, 19)
        assert.notEqual(hashTag(keys.state('session', a)), hashTag(keys.state('session', b)))
        assert.equal(new Set([...of(a), ...of(b)]).size, 25)
      }),
      { numRuns: 1000 },
    )
  })

  it('an account that spells an escape is not the one it spells', () => {
    for (const [a, b] of [
      ['{', '%7b'],
      ['}', '%7d'],
      ['%', '%25'],
    ] as const) {
      assert.notEqual(keys.state('session', a), keys.state('session', b))
    }
  })

  it('an account and a queue that spell another pair together are not that pair', () => {
    fc.assert(
      fc.property(hostile, hostile, hostile, hostile, (a, q, b, r) => {
        fc.pre(a !== b || q !== r)
        assert.notEqual(keys.queue(a, q), keys.queue(b, r))
      }),
      { numRuns: 1000 },
    )
  })

  it('hibernations have several tags, so that a cluster spreads them', () => {
    assert.equal(new Set(keys.hibernations.map(hashTag)).size, 8)
  })

  it('all slots share one tag, so that one script sees them', () => {
    assert.equal(hashTag(keys.slot(1)), hashTag(keys.slot(255)))
  })

  it('no two pod lives share a roll', () => {
    const lives = [1, 11].flatMap((slot) => [1, 11, 111].map((epoch) => ({ slot, epoch })))
    assert.equal(new Set(lives.map(keys.roll)).size, 6)
  })

  it('refuse a prefix that would choose the tag', () => {
    assert.throws(() => presenceKeys('{x}'), TypeError)
  })
})
