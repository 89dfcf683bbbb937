import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { TLSSocket } from 'node:tls'
import type { Output } from '@starling/wire'
import { auth } from './test-support/client.ts'
import { domain } from './test-support/fake-io.ts'
import { useHarness } from './test-support/harness.ts'

const start = useHarness()

describe('RFC 6120 streams over TCP', () => {
  it('§5, §6, §7: STARTTLS, SCRAM and a resource, then stanzas both ways', async () => {
    const { fake, published, plain, until } = await start()
    const client = await plain()
    await client.signIn()
    client.send("<message to='juliet@starling.test' type='chat' id='m1'><body>hi</body></message><presence/>")
    await until(() => published('client').length === 2)
    assert.equal(published('bind').length, 1)
    const [message, presence] = published('client')
    assert.ok(message !== undefined)
    assert.equal(message.ordinal, 1)
    assert.equal(presence?.ordinal, 2)
    assert.equal(message.key, `romeo@${domain}`)
    assert.equal(message.stanza.from, `romeo@${domain}/balcony`)
    const raw = `<message from='romeo@${domain}/balcony' to='juliet@starling.test' type='chat' id='m1'><body>hi</body></message>`
    assert.equal(Buffer.from(message.stanza.raw).toString(), raw)
    const output: Output = {
      kind: 'output',
      key: '',
      atMs: 0,
      slot: 3,
      epoch: 17,
      recipients: [{ connection: message.target.connection, to: '' }],
      raw: Buffer.from("<message from='juliet@starling.test'><body>o</body></message>"),
    }
    fake.emit(output, { ...output, recipients: [{ connection: message.target.connection, to: 'x@y' }] })
    await client.expect(/<message from='juliet@starling.test'><body>o<\/body><\/message>/)
    await client.expect(/<message to='x@y' from='juliet@starling.test'>/)
    client.send('</stream:stream>')
    await client.expect(/<\/stream:stream>/)
    await client.closed()
    assert.deepEqual(
      published('drop').map(({ head }) => head.reason),
      ['closed'],
    )
  })

  it('XEP-0368 §3: direct TLS with ALPN, PLAIN inside', async () => {
    const { secure } = await start()
    const client = await secure({ ALPNProtocols: ['xmpp-client'] })
    const features = await client.open()
    assert.ok(!features.includes('starttls'))
    assert.match(features, /<mechanism>SCRAM-SHA-256-PLUS<\/mechanism>.*<mechanism>PLAIN<\/mechanism>/)
    client.send(auth('PLAIN', '\0romeo\0secret'))
    await client.expect(/<success/)
    await client.open()
    await client.bind('')
  })

  it('RFC 7301 §3.2: another protocol by ALPN is refused', async () => {
    const { secure } = await start()
    await assert.rejects(secure({ ALPNProtocols: ['http/1.1'] }))
  })

  it('§5.3.3: bytes behind <starttls/> never meet the secure stream', async () => {
    const { plain, until, pod } = await start()
    const client = await plain()
    await client.open()
    client.send(`<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>${auth('PLAIN', '\0romeo\0secret')}`)
    assert.ok(!(await client.closed()).includes('<proceed'))
    await until(() => pod.pod.connections.size === 0)
  })

  it('§6.5.4, RFC 7590: nothing is negotiated in the clear where TLS is required', async () => {
    const { plain, fake } = await start()
    const client = await plain()
    const features = await client.open()
    assert.match(features, /<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required\/><\/starttls>/)
    assert.ok(!features.includes('<mechanism'))
    for (const text of [auth('PLAIN', '\0romeo\0secret'), auth('SCRAM-SHA-1', 'n,,n=romeo,r=x')]) {
      client.send(text)
      await client.expect(/<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><encryption-required\/><\/failure>/)
    }
    assert.equal(fake.asked.length, 0)
  })

  it('RFC 5929 §4, RFC 9266: SCRAM binds the channel', async () => {
    const { secure } = await start()
    for (const type of ['tls-exporter', 'tls-server-end-point'] as const) {
      const client = await secure()
      const features = await client.open()
      assert.ok(features.includes(`<channel-binding type='${type}'/>`))
      assert.match(await client.scramPlus('romeo', 'secret', type), /<success/)
    }
  })

  it('a certificate loaded anew is shown to new connections, old ones go on', async () => {
    const { secure, pod, fake } = await start()
    const shown = async () => ((await secure()).socket as TLSSocket).getPeerCertificate().fingerprint256
    const old = await secure()
    const before = await shown()
    rmSync(join(fake.io.settings.dataDir, 'tls'), { recursive: true })
    pod.reloadCertificate()
    assert.notEqual(await shown(), before)
    await old.open()
    assert.match(await old.scramPlus('romeo', 'secret', 'tls-server-end-point'), /<success/)
  })
})
