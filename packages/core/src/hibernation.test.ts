import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BareJid } from '@starling/jid'
import fc from 'fast-check'
import { hibernationName, readHibernationName } from './hibernation.ts'

const account = 'romeo@example.org' as BareJid

describe('R6: the name of a hibernation', () => {
  it('says the connection and the account, and reads back', () => {
    assert.equal(hibernationName({ slot: 3, epoch: 70, connection: 9 }, account), '3 70 9 romeo@example.org')
    fc.assert(
      fc.property(fc.record({ slot: fc.nat(), epoch: fc.maxSafeNat(), connection: fc.nat() }), (target) => {
        assert.deepEqual(readHibernationName(hibernationName(target, account)), { target: { ...target }, account })
      }),
    )
  })

  it('is not read from what is none', () => {
    const texts = [
      '',
      '1 2 3',
      '1 2 romeo@example.org',
      'x 2 3 a@b',
      '1 2 3 a@b/c',
      '1 2 3 @',
      '1 2 3 a@b c',
      '1 -2 3 a@b',
    ]
    for (const text of [...texts, `${'9'.repeat(20)} 2 3 a@b`]) assert.equal(readHibernationName(text), undefined, text)
  })
})
