import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeCredentials, deriveCredentials, encodeCredentials, type StoredCredentials } from './sasl.ts'

const SALT = Buffer.from('4125c247e43ab1e93c6dff76', 'hex')

async function credentialsOf(password: string, salt: Uint8Array, iterations: number): Promise<StoredCredentials> {
  const result = await deriveCredentials(password, { salt, iterations })
  assert.ok(result.ok)
  return result.value
}

const pencil = await credentialsOf('pencil', SALT, 4)

describe('stored credentials', () => {
  it('what was encoded is decoded', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 9 }),
        async (salt, iterations) => {
          const credentials = await credentialsOf('pencil', salt, iterations)
          const decoded = decodeCredentials(encodeCredentials(credentials))
          assert.ok(decoded.ok)
          assert.equal(encodeCredentials(decoded.value), encodeCredentials(credentials))
          assert.deepEqual(Buffer.from(decoded.value.sha256.serverKey), Buffer.from(credentials.sha256.serverKey))
        },
      ),
      { numRuns: 20 },
    )
  })

  it('a text with anything changed in its form is refused, and none throws', () => {
    const good = encodeCredentials(pencil)
    const bad = [
      '',
      'scram-1',
      `${good}$`,
      good.replace('scram-1', 'scram-2'),
      good.replace('$4:', '$0:'),
      good.replace('$4:', '$4e9:'),
      good.replace('$4:', '$99999999:'),
      good.slice(0, -4),
      `${good}:AAAA`,
    ]
    for (const stored of bad) {
      const result = decodeCredentials(stored)
      assert.equal(result.ok, false, stored)
      if (!result.ok) assert.equal(result.error.condition, 'credentials-malformed')
    }
    fc.assert(fc.property(fc.string(), (stored) => !decodeCredentials(stored).ok))
  })

  it('RFC 8265 §4.2: a password without OpaqueString form is refused', async () => {
    for (const password of ['', 'a\tb', 'a\ud800', 'a'.repeat(1025)]) {
      const result = await deriveCredentials(password, { salt: SALT, iterations: 4 })
      assert.ok(!result.ok && result.error.condition === 'password-malformed')
    }
  })
})
