import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, it } from 'node:test'
import { channelBindingEndPointHash } from './sasl.ts'

describe('RFC 5929 §4.1 tls-server-end-point', () => {
  it('MD5 and SHA-1 give way to SHA-256; others are used as they are', () => {
    const certificate = Buffer.from('a certificate')
    const hex = (signature: 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512'): string =>
      Buffer.from(channelBindingEndPointHash(certificate, signature)).toString('hex')
    assert.equal(hex('md5'), hash('sha256', certificate))
    assert.equal(hex('sha1'), hash('sha256', certificate))
    assert.equal(hex('sha256'), hash('sha256', certificate))
    assert.equal(hex('sha384'), hash('sha384', certificate))
    assert.equal(hex('sha512'), hash('sha512', certificate))
  })
})
