import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { offeredTokenMechanisms, type SaslContext, type SaslStep, startSasl, type TokenCandidate } from './sasl.ts'

const context: SaslContext = {
  nonce: () => 'unused',
  domain: 'example.com',
  isSecure: true,
  offered: offeredTokenMechanisms(['tls-exporter', 'tls-server-end-point']),
  channelBinding: (type) => (type === 'tls-exporter' ? Buffer.from('THIS IS FAKE CB DATA') : undefined),
  pretendSalt: () => ({ salt: Buffer.from('salt'), iterations: 1 }),
}
const good: TokenCandidate = { token: 'secret-token', isExpired: false }

/** HMACs of the token `secret-token`, computed apart from this code with another language's library. */
const vectors = {
  none: {
    initiator: '3f6de92b45cddc50c601ad166458f7b5874565e399f3006b1afb03f0bb03ff88',
    responder: '5572a63e0496195609273c23be8a50b9bee64e0369324079e73245bf4472a5b1',
  },
  exporter: {
    initiator: '4a3e3fe7298f07c8dc2bc6954420264be7dc5c3a743a0a8a8dbdc8d5a038c626',
    responder: 'efce3cf3e62795fb7191c6c246dc105056bf17b6571e5d18948d57307c60468c',
  },
}

function message(name: string, proof: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${name}\0`), proof])
}

function proofOf(token: string, channel = ''): Uint8Array {
  return createHmac('sha256', token).update(`Initiator${channel}`).digest()
}

function run(mechanism: string, first: Uint8Array, tokens: readonly TokenCandidate[]): SaslStep {
  const step = startSasl(mechanism, first, context)
  return step.do === 'lookUpTokens' ? step.next(tokens) : step
}

const condition = (step: SaslStep): string => (step.do === 'failure' ? step.condition : step.do)

describe('SASL HT, the hashed token mechanisms', () => {
  it('§3: one message proves the client, and the success data the server', () => {
    const step = run('HT-SHA-256-NONE', message('romeo', Buffer.from(vectors.none.initiator, 'hex')), [good])
    assert.deepEqual(step, {
      do: 'success',
      username: 'romeo',
      data: Buffer.from(vectors.none.responder, 'hex'),
      token: 0,
    })
  })

  it('§3.1, §3.3: what binds the channel goes into both hashes', () => {
    const first = message('romeo', Buffer.from(vectors.exporter.initiator, 'hex'))
    const step = run('HT-SHA-256-EXPR', first, [good])
    assert.ok(step.do === 'success')
    assert.equal(Buffer.from(step.data ?? []).toString('hex'), vectors.exporter.responder)
    assert.equal(condition(run('HT-SHA-256-NONE', first, [good])), 'not-authorized')
  })

  it('a binding that this channel does not have is refused', () => {
    assert.equal(condition(run('HT-SHA-256-ENDP', message('romeo', proofOf('x')), [good])), 'not-authorized')
  })

  it('XEP-0484 §5.1: either of two tokens serves, and the answer says which', () => {
    const old: TokenCandidate = { token: 'older', isExpired: false }
    const step = run('HT-SHA-256-NONE', message('romeo', proofOf('older')), [good, old])
    assert.equal(step.do === 'success' ? step.token : undefined, 1)
  })

  it('XEP-0484 §4.2: a token too old is told so; a wrong one, none and nobody are alike', () => {
    const first = message('romeo', proofOf('secret-token'))
    assert.equal(condition(run('HT-SHA-256-NONE', first, [{ ...good, isExpired: true }])), 'credentials-expired')
    assert.equal(condition(run('HT-SHA-256-NONE', first, [])), 'not-authorized')
    assert.equal(condition(run('HT-SHA-256-NONE', first, [{ token: 'other', isExpired: false }])), 'not-authorized')
    const empty = message('romeo', proofOf('')) // the key of an empty place proves nothing
    assert.equal(condition(run('HT-SHA-256-NONE', empty, [])), 'not-authorized')
  })

  it('§3.1: a message that is not authcid NUL hash is malformed', () => {
    for (const first of [
      new Uint8Array(),
      Buffer.from('romeo'),
      message('', proofOf('x')),
      message('romeo', proofOf('x').subarray(1)),
      message('romeo', Buffer.alloc(33)),
      message('r'.repeat(2000), proofOf('x')),
      message('ro meo', proofOf('x')),
    ]) {
      assert.equal(condition(run('HT-SHA-256-NONE', first, [good])), 'malformed-request')
    }
  })

  it('XEP-0484 §3.1: offered as the channel can be bound, strongest first', () => {
    assert.deepEqual(offeredTokenMechanisms(['tls-exporter', 'tls-server-end-point']), [
      'HT-SHA-256-EXPR',
      'HT-SHA-256-ENDP',
      'HT-SHA-256-NONE',
    ])
    assert.deepEqual(offeredTokenMechanisms([]), ['HT-SHA-256-NONE'])
  })

  it('nothing a client sends throws or succeeds without the token', () => {
    const names = fc.constantFrom('romeo', '', 'r@x', '\u0001', 'é')
    fc.assert(
      fc.property(
        fc.constantFrom(...context.offered, 'HT-SHA-256-UNIQ'),
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          fc.tuple(names, fc.uint8Array({ minLength: 32, maxLength: 32 })).map(([name, proof]) => message(name, proof)),
        ),
        (mechanism, first) => condition(run(mechanism, first, [good])) !== 'success',
      ),
    )
  })
})
