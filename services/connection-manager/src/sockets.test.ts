import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import type { Output } from '@starling/wire'
import { type RunningPod, startPod } from './start.ts'
import { auth, connectPlain, connectSecure, type TestClient } from './test-support/client.ts'
import { domain, type FakeIo, fakeIo } from './test-support/fake-io.ts'

const clients: TestClient[] = []
let running: { readonly fake: FakeIo; readonly pod: RunningPod } | undefined

async function start(options: Parameters<typeof fakeIo>[0] = {}): Promise<{ fake: FakeIo; pod: RunningPod }> {
  const fake = await fakeIo(options)
  const pod = await startPod(fake.io)
  running = { fake, pod }
  return running
}

async function plainClient(pod: RunningPod): Promise<TestClient> {
  const client = await connectPlain(pod.ports['c2s'] ?? 0)
  clients.push(client)
  return client
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.end()
  await running?.pod.drain(500)
  running?.fake.close()
  running = undefined
})

describe('RFC 6120 streams over TCP', () => {
  it('§5, §6, §7: STARTTLS, SCRAM and a resource, then stanzas both ways', async () => {
    const { fake, pod } = await start()
    const client = await plainClient(pod)
    await client.signIn()
    client.send("<message to='juliet@starling.test' type='chat' id='m1'><body>hi</body></message>")
    client.send('<presence/>')
    while (fake.published.length < 3) await new Promise(setImmediate)
    const [bind, message, presence] = fake.published.map(({ envelope }) => envelope)
    assert.equal(bind?.kind, 'bind')
    assert.ok(message?.kind === 'client' && presence?.kind === 'client')
    assert.equal(message.ordinal, 1)
    assert.equal(presence.ordinal, 2)
    assert.equal(message.key, `romeo@${domain}`)
    assert.equal(message.stanza.from, `romeo@${domain}/balcony`)
    assert.equal(
      Buffer.from(message.stanza.raw).toString(),
      `<message from='romeo@${domain}/balcony' to='juliet@starling.test' type='chat' id='m1'><body>hi</body></message>`,
    )
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
    const last = fake.published.at(-1)?.envelope
    assert.ok(last?.kind === 'drop')
    assert.equal(last.head.reason, 'closed')
    assert.equal(fake.published.filter(({ envelope }) => envelope.kind === 'drop').length, 1)
  })

  it('XEP-0368 §3: direct TLS with ALPN, PLAIN inside', async () => {
    const { pod } = await start()
    const client = await connectSecure(pod.ports['c2sTls'] ?? 0, { ALPNProtocols: ['xmpp-client'] })
    clients.push(client)
    const features = await client.open()
    assert.ok(!features.includes('starttls'))
    assert.match(features, /<mechanism>SCRAM-SHA-256-PLUS<\/mechanism>.*<mechanism>PLAIN<\/mechanism>/)
    client.send(auth('PLAIN', '\0romeo\0secret'))
    await client.expect(/<success/)
    await client.open()
    await client.bind('')
  })
})
