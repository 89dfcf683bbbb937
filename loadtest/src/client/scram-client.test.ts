import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answerChallenge, firstMessage } from './scram-client.ts'

const nonce = 'fyko+d2lbbFgONRv9qkxdawL'
const challenge = 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096'

describe('SCRAM for the load', () => {
  it('RFC 5802 §5: the example of the specification', async () => {
    const first = firstMessage('user', nonce)
    assert.equal(first, 'n=user,r=fyko+d2lbbFgONRv9qkxdawL')
    const answer = await answerChallenge('sha1', { first, challenge, password: 'pencil' }, undefined)
    assert.ok(answer.ok)
    assert.equal(
      answer.value.text,
      'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    )
    assert.ok(answer.value.isServer('v=rmF9pqV8S7suAoZWja4dJRkFsKQ='))
    assert.ok(!answer.value.isServer('v=xmF9pqV8S7suAoZWja4dJRkFsKQ='))
    assert.ok(!answer.value.isServer(''))
  })

  it('RFC 7677 §3: the example with SHA-256', async () => {
    const first = firstMessage('user', 'rOprNGfwEbeRWgbNEkqO')
    const from = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'
    const answer = await answerChallenge('sha256', { first, challenge: from, password: 'pencil' }, undefined)
    assert.ok(answer.ok)
    assert.match(answer.value.text, /,p=dHzbZapWIk4jUhN\+Ute9ytag9zjfMHgsqmmiz7AndVQ=$/)
    assert.ok(answer.value.isServer('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='))
  })

  it('RFC 5802 §5.1: keys are kept for the same salt and iterations only', async () => {
    const first = firstMessage('user', nonce)
    const once = await answerChallenge('sha1', { first, challenge, password: 'pencil' }, undefined)
    assert.ok(once.ok)
    const again = await answerChallenge('sha1', { first, challenge, password: 'not asked' }, once.value.keys)
    assert.ok(again.ok)
    assert.equal(again.value.text, once.value.text)
    const other = challenge.replace('i=4096', 'i=4097')
    const changed = await answerChallenge('sha1', { first, challenge: other, password: 'pencil' }, once.value.keys)
    assert.ok(changed.ok)
    assert.notEqual(changed.value.keys, once.value.keys)
  })

  it('a challenge with a foreign or unextended nonce, or none, is refused with a sentence', async () => {
    const first = firstMessage('a=b,c', 'abc')
    assert.equal(first, 'n=a=3Db=2Cc,r=abc')
    for (const wrong of ['', 'r=xyz1,s=QSXC,i=1', 'r=abc,s=QSXC,i=1', 'e=other-error']) {
      const answer = await answerChallenge('sha1', { first, challenge: wrong, password: 'x' }, undefined)
      assert.deepEqual(answer, { ok: false, error: 'the SCRAM challenge is not one' })
    }
  })
})
