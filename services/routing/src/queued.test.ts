import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keptAtMark } from '@starling/core'
import type { BareJid } from '@starling/jid'
import fc from 'fast-check'
import { accountReader } from './account.ts'
import { decodeEntry, encodeEntry } from './queue-entry.ts'
import { handledUpTo, unacked } from './queued.ts'
import { working } from './working.ts'

const sm = { id: 'x', maxSeconds: 300, last: 0, acked: 0 }
const bytes = new Uint8Array(0)

describe('XEP-0198 §4: h, modulo 2^32', () => {
  it('means the highest ordinal up to the last delivery, over the wrap too', () => {
    const last = 2 ** 32 + 5
    assert.deepEqual(handledUpTo({ ...sm, last }, 3), { ok: true, acked: 2 ** 32 + 3 })
    assert.deepEqual(handledUpTo({ ...sm, last }, 2 ** 32 - 1), { ok: true, acked: 2 ** 32 - 1 })
    assert.deepEqual(handledUpTo({ ...sm, last: 5 }, 6), { ok: false })
    assert.deepEqual(handledUpTo({ ...sm, last: 5, acked: 4 }, 3), { ok: false })
  })
})

describe('R3: what is unacknowledged', () => {
  it('leaves out what another owner stored after the state was read', () => {
    const at = { ...working('a@b' as BareJid, undefined, { decode: accountReader(), kept: keptAtMark(1) }) }
    const entries = [1, 2, 3].map((ordinal) => ({ ordinal, bytes }))
    const session = { target: { slot: 1, epoch: 1, connection: 1 }, isAvailable: true, priority: 0, slices: {} }
    const stored = { slices: {}, sessions: new Map([['r', { ...session, sm: { ...sm, last: 2 } }]]) }
    const found = unacked(new Map([['a@b x', entries]]), { ...at, stored }, { ...sm, last: 2 }, 1)
    assert.deepEqual(
      found.map(({ ordinal }) => ordinal),
      [2],
    )
  })
})

describe('queue entries', () => {
  it('come back as they went', () => {
    const name = fc.stringMatching(/^[=a-z0-9.-]{1,12}$/)
    const entry = fc.record({
      isRedeliverable: fc.boolean(),
      isRequest: fc.boolean(),
      atMs: fc.nat(2 ** 31),
      to: fc.string({ unit: 'grapheme', maxLength: 40 }),
      holders: fc.array(name, { maxLength: 3 }),
      copies: fc.array(name, { maxLength: 3 }),
      raw: fc.uint8Array({ maxLength: 50 }),
    })
    fc.assert(
      fc.property(entry, (one) => {
        const read = decodeEntry(encodeEntry(one))
        assert.ok(read)
        assert.deepEqual({ ...read, raw: new Uint8Array(read.raw) }, { ...one })
      }),
    )
  })

  it('bytes nobody here wrote are no entry, or one without sense, and do not throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 30 }), (some) => void decodeEntry(some)))
  })
})
