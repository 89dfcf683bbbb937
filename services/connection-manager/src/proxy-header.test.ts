import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { maxProxyBlockBytes, readProxyHeader } from './proxy-header.ts'
import { headerBytes as header } from './test-support/proxy.ts'

const v4 = { family: 0x11, block: '0a0000017f0000019c401466' }
const v6 = { family: 0x21, block: `20010db8000000000000000000000001${'00'.repeat(15)}019c401466` }

describe('The PROXY protocol §2.2, header of version 2', () => {
  it('TCP over IPv4 and IPv6: the source address; what follows is not part of it', () => {
    for (const [parts, source] of [
      [v4, '10.0.0.1'],
      [v6, '2001:db8::1'],
      [{ family: 0x21, block: `00000000000000000000ffff0a000001${'00'.repeat(16)}9c401466` }, '::ffff:10.0.0.1'],
    ] as const) {
      const bytes = header(parts)
      const read = readProxyHeader(Buffer.concat([bytes, Buffer.from('<stream')]))
      assert.deepEqual(read, { kind: 'complete', length: bytes.length, source })
    }
  })

  it('is incomplete at every split before its end, whatever stands in it', () => {
    for (const parts of [v4, v6, { ...v4, block: `${v4.block}0300040000${'00'}` }]) {
      const bytes = header(parts)
      for (let end = 0; end < bytes.length; end++) {
        assert.equal(readProxyHeader(bytes.subarray(0, end)).kind, 'incomplete', `${end} of ${bytes.length}`)
      }
    }
  })

  it('LOCAL, UNSPEC and UNIX: accepted without an address, the block skipped by its length', () => {
    for (const parts of [
      { command: 0x20, family: 0x00, block: '' },
      { ...v4, command: 0x20 },
      { family: 0x00, block: '0102030405' },
      { family: 0x10, block: v4.block },
      { family: 0x31, block: '00'.repeat(216) },
    ]) {
      const bytes = header(parts)
      assert.deepEqual(readProxyHeader(bytes), { kind: 'complete', length: bytes.length, source: undefined })
    }
  })

  it('fields beyond the addresses are skipped', () => {
    const bytes = header({ ...v4, block: `${v4.block}04000101` })
    assert.deepEqual(readProxyHeader(bytes), { kind: 'complete', length: bytes.length, source: '10.0.0.1' })
  })

  it('other versions, commands, families and transports, addresses cut short and endless blocks are invalid', () => {
    for (const parts of [
      { ...v4, command: 0x11 },
      { ...v4, command: 0x22 },
      { ...v4, family: 0x41 },
      { ...v4, family: 0x13 },
      { ...v4, block: v4.block.slice(2) },
      { ...v4, block: '00'.repeat(maxProxyBlockBytes + 1) },
    ]) {
      assert.equal(readProxyHeader(header(parts)).kind, 'invalid', JSON.stringify(parts).slice(0, 80))
    }
  })

  it('what is no header is invalid at its first wrong byte: a stream, a ClientHello, version 1', () => {
    for (const text of [
      "<?xml version='1.0'?>",
      '\u0016\u0003\u0001',
      'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n',
      '\r\n\r\n\r',
    ]) {
      assert.equal(readProxyHeader(Buffer.from(text)).kind, 'invalid', text)
    }
  })

  it('never throws and never claims more bytes than there are', () => {
    const start = fc
      .constantFrom('', '0d0a0d0a000d0a515549540a', '0d0a0d0a000d0a515549540a21')
      .map((hex) => Buffer.from(hex, 'hex'))
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (begin, rest) => {
        const bytes = Buffer.concat([begin, rest])
        const read = readProxyHeader(bytes)
        assert.ok(read.kind !== 'complete' || (read.length <= bytes.length && read.length >= 16))
      }),
    )
  })
})
