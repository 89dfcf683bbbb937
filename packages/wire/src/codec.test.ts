import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { byteWriter } from './bytes.ts'
import { decodeEnvelope, encodeEnvelope, kindNumbers } from './codec.ts'
import type { Envelope } from './envelope.ts'
import { plain } from './plain.ts'
import { samples } from './samples.ts'

function decoded(bytes: Uint8Array): Envelope {
  const result = decodeEnvelope(bytes)
  assert.ok(result.ok, 'decodes')
  return result.value
}

describe('wire: the envelope codec', () => {
  for (const [kind, sample] of Object.entries(samples)) {
    it(`${kind}: what is encoded is decoded`, () => {
      assert.deepEqual(plain(decoded(encodeEnvelope(sample))), plain(sample))
    })
    it(`${kind}: cut anywhere it is a fault, never a throw`, () => {
      const bytes = encodeEnvelope(sample)
      for (let end = 0; end < bytes.length; end++) {
        assert.equal(decodeEnvelope(bytes.subarray(0, end)).ok, false, `cut at ${end}`)
      }
    })
  }

  it('a kind of a newer version is a fault', () => {
    assert.deepEqual(decodeEnvelope(new Uint8Array([250, 0, 0])), { ok: false, error: 'kind' })
  })

  it('a trace rides along, and stands where a reader that does not know it never looks', () => {
    const trace = Buffer.alloc(24, 7)
    for (const sample of Object.values(samples)) {
      const plainBytes = encodeEnvelope(sample)
      const traced = encodeEnvelope({ ...sample, trace })
      assert.deepEqual(plain(decoded(traced)), plain({ ...sample, trace }))
      assert.deepEqual(traced.subarray(3, plainBytes.length), plainBytes.subarray(3), 'all before it as without it')
      assert.equal(traced.length, plainBytes.length + 4 + trace.length)
    }
  })

  it('fields of a newer version are passed over: unknown bits, and bytes behind what is known', () => {
    for (const [kind, sample] of Object.entries(samples)) {
      const bytes = Buffer.concat([encodeEnvelope(sample), Buffer.from('what version 9 adds')])
      bytes.writeUInt16BE(bytes.readUInt16BE(1) | 0xf000, 1)
      assert.deepEqual(plain(decoded(bytes)), plain(sample), kind)
    }
  })

  it('random bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...Object.values(kindNumbers)), (bytes, kind) => {
        bytes[0] = kind
        decodeEnvelope(bytes)
      }),
    )
  })

  it('any text survives: ids, addresses, payload names', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme', maxLength: 3000 }), (id, payload) => {
        const sample = { ...samples.sent, stanza: { ...samples.sent.stanza, id, payloads: [payload] } }
        assert.deepEqual(plain(decoded(encodeEnvelope(sample))), plain(sample))
      }),
    )
  })

  it('a text longer than the wire carries is refused where it is written', () => {
    assert.throws(() => byteWriter().text16('x'.repeat(65_536)), /does not fit/)
  })

  it('version 1: what an earlier release wrote is still read (golden fixtures)', () => {
    const golden = JSON.parse(readFileSync(new URL('./fixtures/version-1.json', import.meta.url), 'utf8')) as Record<
      string,
      string
    >
    assert.deepEqual(Object.keys(golden).sort(), Object.keys(samples).sort(), 'a fixture for every kind')
    for (const [kind, sample] of Object.entries(samples)) {
      assert.deepEqual(plain(decoded(Buffer.from(golden[kind] ?? '', 'hex'))), plain(sample), kind)
    }
  })
})
