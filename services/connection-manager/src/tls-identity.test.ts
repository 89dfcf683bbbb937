import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { connect as connectTls, TLSSocket } from 'node:tls'
import type { Settings } from '@starling/core'
import { derInteger, derObjectIdentifier, derValue } from './der.ts'
import { makeSelfSigned } from './self-signed.ts'
import { loadTlsIdentity, pretendSaltOf } from './tls-identity.ts'

const dayMs = 86_400_000
const directory = mkdtempSync(join(tmpdir(), 'starling-tls-'))
after(() => rmSync(directory, { recursive: true }))
const serial = Buffer.alloc(16, 0xff)
const ports = { clock: () => Date.now(), random: (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)) }

function settings(more: { domain?: string; dataDir?: string; tls?: Settings['tls'] } = {}): Settings {
  const { domain = 'localhost', dataDir = directory, tls = { certificateFile: '', keyFile: '', directory: '' } } = more
  return { domain, dataDir, tls } as unknown as Settings
}

describe('X.690 DER', () => {
  it('§8.1.3: lengths of one, two and three bytes', () => {
    assert.equal(
      Buffer.from(derValue(4, Buffer.alloc(127)))
        .subarray(0, 2)
        .toString('hex'),
      '047f',
    )
    assert.equal(
      Buffer.from(derValue(4, Buffer.alloc(128)))
        .subarray(0, 3)
        .toString('hex'),
      '048180',
    )
    assert.equal(
      Buffer.from(derValue(4, Buffer.alloc(256)))
        .subarray(0, 4)
        .toString('hex'),
      '04820100',
    )
  })

  it('§8.3: integers are positive and as short as can be', () => {
    assert.equal(Buffer.from(derInteger(Buffer.from([0, 0, 1]))).toString('hex'), '020101')
    assert.equal(Buffer.from(derInteger(Buffer.from([0x80]))).toString('hex'), '02020080')
    assert.equal(Buffer.from(derInteger(Buffer.from([0]))).toString('hex'), '020100')
  })

  it('§8.19: object identifiers', () => {
    assert.equal(Buffer.from(derObjectIdentifier('1.2.840.10045.4.3.2')).toString('hex'), '06082a8648ce3d040302')
  })
})

describe('the self-signed certificate', () => {
  it('RFC 5280 §4.1: names, validity, key and signature are what they should be', () => {
    const fromMs = Date.UTC(2026, 0, 1)
    const made = makeSelfSigned('bücher.example', { fromMs, untilMs: fromMs + 10 * dayMs }, serial)
    const certificate = new X509Certificate(made.certificate)
    assert.ok(certificate.verify(certificate.publicKey))
    assert.ok(certificate.checkIssued(certificate))
    assert.equal(certificate.validFromDate.getTime(), fromMs)
    assert.equal(certificate.validToDate.getTime(), fromMs + 10 * dayMs)
    assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
    for (const name of ['xn--bcher-kva.example', 'conference.xn--bcher-kva.example', 'localhost']) {
      assert.ok(certificate.checkHost(name), name)
    }
    assert.equal(certificate.checkHost('elsewhere.example'), undefined)
    assert.ok(certificate.checkIP('127.0.0.1'))
    assert.ok(certificate.ca)
  })

  it('a client that trusts it connects, with X25519 and TLS 1.3', async () => {
    const identity = loadTlsIdentity(settings(), ports)
    const server = createServer((socket) => {
      socket.on('error', () => {})
      new TLSSocket(socket, { isServer: true, secureContext: identity.context }).on('error', () => {}).resume()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const ca = readFileSync(join(directory, 'tls', 'certificate.pem'))
    const client = connectTls({ socket: connect(port, '127.0.0.1'), ca, servername: 'localhost' })
    await new Promise<void>((resolve, reject) => {
      client.once('secureConnect', resolve)
      client.once('error', reject)
    })
    assert.ok(client.authorized)
    assert.equal(client.getProtocol(), 'TLSv1.3')
    client.destroy()
    const old = connectTls({
      socket: connect(port, '127.0.0.1'),
      ca,
      servername: 'localhost',
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    })
    await assert.rejects(
      new Promise((resolve, reject) => {
        old.once('secureConnect', resolve)
        old.once('error', reject)
      }),
    ) // RFC 7590 §3.1
    server.close()
  })

  it('is kept over restarts, readable by its owner alone, and made anew when its time or its domain is over', () => {
    const dataDir = join(directory, 'kept')
    const first = loadTlsIdentity(settings({ dataDir }), ports)
    const again = loadTlsIdentity(settings({ dataDir }), ports)
    assert.deepEqual(again.secret, first.secret)
    assert.equal(statSync(join(dataDir, 'tls', 'self-signed.pem')).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(join(dataDir, 'tls')).sort(), ['certificate.pem', 'self-signed.pem'])
    const late = { ...ports, clock: () => Date.now() + 3_640 * dayMs }
    const renewed = loadTlsIdentity(settings({ dataDir }), late)
    assert.notDeepEqual(renewed.secret, first.secret)
    const moved = loadTlsIdentity(settings({ dataDir, domain: 'other.example' }), late)
    assert.notDeepEqual(moved.endPoint, renewed.endPoint)
  })

  it('configured files go first; a broken pair stops the start', () => {
    const made = makeSelfSigned('a.example', { fromMs: Date.now(), untilMs: Date.now() + dayMs }, serial)
    const other = makeSelfSigned('a.example', { fromMs: Date.now(), untilMs: Date.now() + dayMs }, serial)
    const [certificateFile, keyFile, otherKeyFile] = ['c.pem', 'k.pem', 'o.pem'].map((name) => join(directory, name))
    assert.ok(certificateFile !== undefined && keyFile !== undefined && otherKeyFile !== undefined)
    writeFileSync(certificateFile, made.certificate)
    writeFileSync(keyFile, made.key)
    writeFileSync(otherKeyFile, other.key)
    assert.equal(
      loadTlsIdentity(settings({ tls: { certificateFile, keyFile, directory: '' } }), ports).isSelfSigned,
      false,
    )
    assert.throws(() =>
      loadTlsIdentity(settings({ tls: { certificateFile, keyFile: otherKeyFile, directory: '' } }), ports),
    )
  })
})

describe('RFC 5802 §9 salts of names that do not exist', () => {
  it('are the same at every attempt, differ by name, and follow the key', () => {
    const identity = loadTlsIdentity(settings(), ports)
    assert.deepEqual(pretendSaltOf(identity, 'a', 4096), pretendSaltOf(identity, 'a', 4096))
    assert.notDeepEqual(pretendSaltOf(identity, 'a', 4096), pretendSaltOf(identity, 'b', 4096))
    assert.equal(pretendSaltOf(identity, 'a', 4096).iterations, 4096)
  })
})
