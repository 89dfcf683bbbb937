import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { TestClient } from './test-support/client.ts'
import { domain } from './test-support/fake-io.ts'
import { type Harness, useHarness } from './test-support/harness.ts'
import { headerBytes } from './test-support/proxy.ts'

const start = useHarness()
const from10 = headerBytes({ family: 0x11, block: '0a0000077f0000019c401466' })
const c2s = { proxyProtocol: true }

const addresses = ({ pod }: Harness): readonly string[] =>
  [...pod.pod.connections.values()].map(({ origin }) => origin.remoteAddress)

describe('c2s.proxyProtocol', () => {
  it('STARTTLS port: the address is the header’s, and the stream begins right behind it, cut anywhere', async () => {
    const harness = await start({ c2s })
    const client = await harness.plain()
    client.socket.setNoDelay(true)
    const text = `<?xml version='1.0'?><stream:stream to='${domain}' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`
    const bytes = Buffer.concat([from10, Buffer.from(text)])
    for (const at of [5, 20, from10.length + 3]) {
      await new Promise((done) => client.socket.write(bytes.subarray(at === 5 ? 0 : at === 20 ? 5 : 20, at), done))
      await new Promise(setImmediate)
    }
    client.send(bytes.subarray(from10.length + 3))
    await client.expect(/<starttls/)
    assert.deepEqual(addresses(harness), ['10.0.0.7'])
  })

  it('a whole sign-in, after header and stream came as one', async () => {
    const harness = await start({ c2s })
    const client = await harness.plain()
    client.send(from10)
    await client.signIn()
    assert.deepEqual(addresses(harness), ['10.0.0.7'])
  })

  it('direct TLS port: header, then handshake', async () => {
    const harness = await start({ c2s })
    const socket = connect(harness.pod.ports['c2sTls'] ?? 0, '127.0.0.1')
    socket.write(from10)
    const secure = connectTls({ socket, rejectUnauthorized: false, servername: domain })
    await new Promise((done) => secure.once('secureConnect', done))
    const client = new TestClient(secure)
    await client.open()
    assert.deepEqual(addresses(harness), ['10.0.0.7'])
    client.end()
  })

  it('limits of an address are the client’s, not the proxy’s', async () => {
    const harness = await start({ c2s: { ...c2s, streamsPerAddress: 1 } })
    const [first, second, third] = [await harness.plain(), await harness.plain(), await harness.plain()]
    first.send(from10)
    await first.open()
    second.send(from10)
    await second.expect(/policy-violation/)
    third.send(headerBytes({ family: 0x11, block: '0a0000087f0000019c401466' }))
    await third.open()
  })

  it('a health check of the proxy itself (LOCAL) has the proxy’s address', async () => {
    const harness = await start({ c2s })
    const client = await harness.plain()
    client.send(headerBytes({ command: 0x20, family: 0, block: '' }))
    await client.open()
    assert.deepEqual(addresses(harness), ['127.0.0.1'])
  })

  it('without a header the socket is closed, and told nothing', async () => {
    const harness = await start({ c2s })
    const client = await harness.plain()
    client.header()
    assert.equal(await client.closed(), '')
    assert.deepEqual(addresses(harness), [])
  })

  it('half a header is not waited for when the client is gone', async () => {
    const harness = await start({ c2s })
    const client = await harness.plain()
    client.socket.end(from10.subarray(0, 13))
    assert.equal(await client.closed(), '')
  })
})
