import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { storageError } from './connections.ts'
import { monthOf } from './partitions.ts'
import { parameters } from './statement.ts'

describe('PostgreSQL, the parts without a server', () => {
  it('the month of a time, in UTC, its end exclusive', () => {
    const july = { startMs: Date.UTC(2026, 6, 1), endMs: Date.UTC(2026, 7, 1), name: 'archive_2026_07' }
    assert.deepEqual(monthOf(july.startMs), july)
    assert.deepEqual(monthOf(july.endMs - 1), july)
    assert.equal(monthOf(july.startMs - 1).name, 'archive_2026_06')
    assert.equal(monthOf(Date.UTC(2026, 11, 31)).endMs, Date.UTC(2027, 0))
  })

  it('bytes travel end to end, with start (from 1) and length; null has neither', () => {
    const rows = [
      ['a', Uint8Array.of(1, 2)],
      ['b', null],
      ['c', new Uint8Array(0)],
      ['d', Uint8Array.of(3)],
    ] as const
    const [texts, starts, lengths, bytes] = parameters({ name: 'text', raw: 'bytes' }, rows)
    assert.deepEqual(texts, ['a', 'b', 'c', 'd'])
    assert.deepEqual(starts, [1, null, 3, 3])
    assert.deepEqual(lengths, [2, null, 0, 1])
    assert.deepEqual(bytes, Buffer.of(1, 2, 3))
  })

  it('an error without an SQLSTATE is the way to the server, a TypeError a bug', () => {
    assert.equal(storageError(new Error('Connection terminated unexpectedly')).code, 'STORAGE_DOWN')
    assert.equal(storageError(new TypeError('x')).code, 'STORAGE_FAILED')
    assert.equal(storageError(new AggregateError([new Error('a'), new Error('b')])).message, 'Error: a; Error: b')
  })
})
