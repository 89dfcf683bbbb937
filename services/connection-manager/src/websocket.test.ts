import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { xml, client as xmppClient } from '@xmpp/client'
import { WebSocket } from 'ws'
import { auth, bindRequest } from './test-support/client.ts'
import { domain } from './test-support/fake-io.ts'
import { type Harness, useHarness } from './test-support/harness.ts'

const start = useHarness()
const sockets: WebSocket[] = []
const framing = 'urn:ietf:params:xml:ns:xmpp-framing'
const open = `<open xmlns='${framing}' to='${domain}' version='1.0'/>`

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.terminate()
})

/** Messages as they come, one at a time, then the close code. */
class Peer {
  readonly socket: WebSocket
  readonly messages: string[] = []
  closeCode: number | undefined
  #wake = (): void => {}

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data, isBinary) => {
      assert.equal(isBinary, false)
      this.messages.push(String(data))
      this.#wake()
    })
    socket.on('close', (code) => {
      this.closeCode = code
      this.#wake()
    })
  }

  async next(): Promise<string> {
    for (;;) {
      const message = this.messages.shift()
      if (message !== undefined) return message
      if (this.closeCode !== undefined) throw new Error(`closed with ${this.closeCode}`)
      await this.#more()
    }
  }

  async closed(): Promise<number> {
    while (this.closeCode === undefined) await this.#more()
    return this.closeCode
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

async function dial(harness: Harness, protocol: string | undefined = 'xmpp'): Promise<Peer> {
  await harness.fake.listenHttp()
  const socket = new WebSocket(`ws://127.0.0.1:${harness.fake.httpPort()}/xmpp-websocket`, protocol)
  sockets.push(socket)
  const peer = new Peer(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  return peer
}

describe('RFC 7395 WebSocket', () => {
  it('§3: every element is a message that names its namespace', async () => {
    const harness = await start({ c2s: { requireTls: false } })
    const peer = await dial(harness)
    peer.socket.send(open)
    assert.match(
      await peer.next(),
      new RegExp(`^<open xmlns='${framing}' from='${domain}' id='[^']+' version='1.0' xml:lang='en'/>$`),
    )
    const features = await peer.next()
    assert.match(features, /^<stream:features xmlns:stream='http:\/\/etherx.jabber.org\/streams'><mechanisms/)
    assert.ok(!features.includes('starttls')) // §3.9
    assert.ok(!features.includes('PLAIN')) // RFC 6120 §13.8.4: not in the clear
    peer.socket.send("<iq type='get' id='1' xmlns='jabber:client'><query xmlns='jabber:iq:roster'/></iq>")
    assert.match(
      await peer.next(),
      /^<stream:error xmlns:stream='[^']*'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'\/>/,
    )
    assert.equal(await peer.next(), `<close xmlns='${framing}'/>`)
    assert.equal(await peer.closed(), 1000)
  })

  it('@xmpp/client signs in, sends and receives', async () => {
    const harness = await start()
    await harness.fake.listenHttp()
    const xmpp = xmppClient({
      service: `ws://127.0.0.1:${harness.fake.httpPort()}/xmpp-websocket`,
      domain,
      username: 'romeo',
      password: 'secret',
      resource: 'balcony',
    })
    xmpp.on('error', () => {})
    const received = new Promise<string>((resolve) =>
      xmpp.on('stanza', (stanza: unknown) => String(stanza).startsWith('<message') && resolve(String(stanza))),
    )
    const address = await xmpp.start()
    assert.equal(String(address), `romeo@${domain}/balcony`)
    await xmpp.send(xml('presence'))
    await harness.until(() => harness.published('client').length === 1)
    const [presence] = harness.published('client')
    harness.fake.emit({
      kind: 'output',
      key: '',
      atMs: 0,
      slot: 3,
      epoch: 17,
      recipients: [{ connection: presence?.target.connection ?? 0, to: '' }],
      raw: Buffer.from("<message from='x@y'><body>é</body></message>"),
    })
    assert.match(await received, /<body>é<\/body>/)
    await xmpp.stop()
    await harness.until(() => harness.published('drop').length === 1)
  })

  it('§3.1: without the subprotocol xmpp there is no connection', async () => {
    const harness = await start()
    await assert.rejects(dial(harness, 'chat'), /400/)
    assert.equal(harness.pod.pod.connections.size, 0)
    assert.equal(harness.pod.pod.addresses.size, 0)
  })

  it('§3.2: a binary message ends the stream', async () => {
    const harness = await start()
    const peer = await dial(harness)
    peer.socket.send(Buffer.from(open), { binary: true })
    assert.match(await peer.next(), /^<open/)
    assert.match(await peer.next(), /<bad-format/)
    await peer.closed()
  })

  it('RFC 6455 §7.4.1: a message too big ends the connection with 1009', async () => {
    const harness = await start({ c2s: { maxStanzaBytes: 10_000 } })
    const peer = await dial(harness)
    peer.socket.send('x'.repeat(20_000))
    assert.equal(await peer.closed(), 1009)
    await harness.until(() => harness.pod.pod.connections.size === 0)
  })

  it('§3.3.3: two elements, or half of one, in a message are refused', async () => {
    for (const bad of [`${open}${open}`, '<open', `<stream:stream>`, '']) {
      const harness = await start()
      const peer = await dial(harness)
      peer.socket.send(bad === '' ? ' ' : bad)
      const heard: string[] = []
      while (!heard.at(-1)?.startsWith('<close')) heard.push(await peer.next())
      // §3.5: an error at the opening comes after our <open/>
      assert.match(heard.join('\n'), /^<open [^\n]*\n(?:<stream:features[^\n]*\n)?<stream:error[^\n]*\n<close/)
      await peer.closed()
    }
  })

  it('elements sent ahead of their answers are handled in order', async () => {
    const harness = await start()
    const peer = await dial(harness)
    peer.socket.send(open)
    peer.socket.send(auth('SCRAM-SHA-1', 'n,,n=romeo,r=abc'))
    await peer.next()
    await peer.next()
    assert.match(await peer.next(), /<challenge/)
    peer.socket.send(bindRequest('x'))
    assert.match(await peer.next(), /<not-authorized/)
  })
})
