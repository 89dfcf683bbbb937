import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { auth, bindRequest, scramWith } from './test-support/client.ts'
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

  send(text: string): void {
    this.socket.send(text)
  }

  async expect(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(await this.next())
      if (match !== null) return match
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

  it('§3.7: sign-in, a new stream, a resource, then stanzas both ways', async () => {
    const harness = await start()
    const peer = await dial(harness)
    peer.send(open)
    assert.match(await scramWith(peer, { name: 'romeo', password: 'secret' }), /<success/)
    peer.send(open)
    await peer.expect(/^<stream:features .*<bind/)
    peer.send(bindRequest('balcony').replace('<iq', "<iq xmlns='jabber:client'"))
    assert.match(await peer.next(), /^<iq xmlns='jabber:client' type='result' id='b1'>/)
    peer.send("<presence xmlns='jabber:client'/>")
    await harness.until(() => harness.published('client').length === 1)
    const [presence] = harness.published('client')
    assert.equal(String(presence?.stanza.raw), `<presence from='romeo@${domain}/balcony'/>`)
    const output = { kind: 'output', key: '', atMs: 0, slot: 3, epoch: 17 } as const
    const recipients = [{ connection: presence?.target.connection ?? 0, to: '' }]
    harness.fake.emit(
      { ...output, recipients, raw: Buffer.from('<message><body>é</body></message>') },
      { ...output, recipients, raw: Buffer.from('<presence/>') },
    )
    assert.equal(await peer.next(), "<message xmlns='jabber:client'><body>é</body></message>")
    assert.equal(await peer.next(), "<presence xmlns='jabber:client'/>")
    peer.send(`<close xmlns='${framing}'/>`)
    assert.equal(await peer.next(), `<close xmlns='${framing}'/>`) // §3.6
    await peer.closed()
    await harness.until(() => harness.published('drop').length === 1)
  })

  it('§3.8: a silent client is asked by a WebSocket ping, which is no stanza', async () => {
    const harness = await start({ c2s: { pingAfterMs: 10_000, pingTimeoutMs: 5_000 } })
    const peer = await dial(harness)
    peer.send(open)
    await scramWith(peer, { name: 'romeo', password: 'secret' })
    peer.send(open)
    await peer.expect(/<bind/)
    peer.send(bindRequest('balcony').replace('<iq', "<iq xmlns='jabber:client'"))
    await peer.expect(/type='result'/)
    const [connection] = harness.pod.pod.connections.values()
    assert.ok(connection !== undefined)
    harness.pass(10_001)
    assert.ok(connection.pingSentMs > 0)
    await harness.until(() => connection.pingSentMs === 0) // ws answers with a pong
    assert.deepEqual(peer.messages, [])
    peer.socket.pause()
    harness.pass(10_001)
    harness.pass(5_001)
    assert.equal(harness.published('drop')[0]?.head.reason, 'timeout')
  })

  it('§3.1: without the subprotocol xmpp there is no connection', async () => {
    const harness = await start()
    await assert.rejects(dial(harness, 'chat'), /400/)
    assert.equal(harness.pod.pod.connections.size, 0)
    assert.equal(harness.pod.pod.addresses.size, 0)
  })

  it('streamsPerAddress: one too many is refused before the upgrade', async () => {
    const harness = await start({ c2s: { streamsPerAddress: 1 } })
    await dial(harness)
    await assert.rejects(dial(harness), /429/)
    assert.equal(harness.pod.pod.transports.websocket, 1)
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
