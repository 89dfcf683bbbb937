import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { domain } from './fake-io.ts'

/** A client of bytes: sends text, waits for text. */
export class TestClient {
  socket: Socket
  text = ''
  isClosed = false
  #wake = (): void => {}

  constructor(socket: Socket) {
    this.socket = socket
    this.#listen(socket)
  }

  send(text: string | Uint8Array): void {
    this.socket.write(text)
  }

  /** Waits until the text received since the last `expect` matches; returns the match and forgets what was before its end. */
  async expect(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.text)
      if (match !== null) {
        this.text = this.text.slice(match.index + match[0].length)
        return match
      }
      if (this.isClosed) throw new Error(`closed before ${String(pattern)}; got: ${this.text}`)
      await this.#more()
    }
  }

  /** Waits until the server closed. */
  async closed(): Promise<string> {
    while (!this.isClosed) await this.#more()
    return this.text
  }

  /** Goes on over TLS on the same socket. */
  async secure(
    options: { readonly ALPNProtocols?: string[]; readonly maxVersion?: 'TLSv1.2' } = {},
  ): Promise<TLSSocket> {
    this.socket.removeAllListeners('data')
    const socket = connectTls({ socket: this.socket, rejectUnauthorized: false, servername: domain, ...options })
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
    })
    this.text = ''
    this.socket = socket
    this.#listen(socket)
    return socket
  }

  header(to: string = domain): void {
    this.send(
      `<?xml version='1.0'?><stream:stream to='${to}' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`,
    )
  }

  /** A header, and the features that answer it. */
  async open(): Promise<string> {
    this.header()
    return (await this.expect(/<stream:features>.*<\/stream:features>|<stream:features\/>/s))[0]
  }

  async startTls(): Promise<void> {
    await this.open()
    this.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    await this.expect(/<proceed/)
    await this.secure()
  }

  /** SCRAM-SHA-256 without channel binding; resolves with the answer to the proof. */
  scram(name: string, password: string): Promise<string> {
    return scramWith(this, { name, password })
  }

  /** SCRAM-SHA-256-PLUS; the data is computed by this end of the connection. */
  scramPlus(name: string, password: string, type: 'tls-exporter' | 'tls-server-end-point'): Promise<string> {
    const socket = this.socket as TLSSocket
    const data =
      type === 'tls-exporter'
        ? socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
        : createHash('sha256').update(socket.getPeerCertificate().raw).digest()
    return scramWith(this, { name, password, binding: { type, data } })
  }

  async bind(resource = 'balcony'): Promise<void> {
    this.send(bindRequest(resource))
    await this.expect(/<iq type='result' id='b1'>.*<\/iq>/)
  }

  /** From nothing to bound over STARTTLS. */
  async signIn(name = 'romeo', password = 'secret', resource = 'balcony'): Promise<void> {
    await this.startTls()
    await this.open()
    await this.scram(name, password)
    await this.open()
    await this.bind(resource)
  }

  end(): void {
    this.socket.destroy()
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('utf8')
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.isClosed = true
      this.#wake()
    })
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

/** What SCRAM is spoken over. */
export interface Talk {
  send(text: string): void
  expect(pattern: RegExp): Promise<RegExpExecArray>
}

/** The client's side of SCRAM-SHA-256(-PLUS). Source: RFC 5802 §5, RFC 7677. */
export async function scramWith(
  talk: Talk,
  who: {
    readonly name: string
    readonly password: string
    readonly binding?: { readonly type: string; readonly data: Uint8Array }
  },
): Promise<string> {
  const { binding } = who
  const header = binding === undefined ? 'n,,' : `p=${binding.type},,`
  const first = `n=${who.name},r=clientnonce`
  talk.send(auth(binding === undefined ? 'SCRAM-SHA-256' : 'SCRAM-SHA-256-PLUS', header + first))
  const [answer, challenge = ''] = await talk.expect(/<challenge[^>]*>([^<]*)<\/challenge>|<failure.*<\/failure>/s)
  if (answer.startsWith('<failure')) return answer
  const serverFirst = Buffer.from(challenge, 'base64').toString()
  const [, nonce = '', salt = '', iterations = ''] = /^r=([^,]*),s=([^,]*),i=(\d+)/.exec(serverFirst) ?? []
  const salted = pbkdf2Sync(who.password, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256')
  const clientKey = createHmac('sha256', salted).update('Client Key').digest()
  const storedKey = createHash('sha256').update(clientKey).digest()
  const channel = Buffer.concat([Buffer.from(header), binding?.data ?? new Uint8Array()])
  const withoutProof = `c=${channel.toString('base64')},r=${nonce}`
  const signature = createHmac('sha256', storedKey).update(`${first},${serverFirst},${withoutProof}`).digest()
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0))).toString('base64')
  talk.send(sasl('response', `${withoutProof},p=${proof}`))
  return (await talk.expect(/<success.*<\/success>|<failure.*<\/failure>/s))[0]
}

/** Connects in the clear. */
export function connectPlain(port: number): Promise<TestClient> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp(port, '127.0.0.1', () => resolve(new TestClient(socket)))
    socket.once('error', reject)
  })
}

/** Connects with direct TLS. */
export function connectSecure(port: number, options: { readonly ALPNProtocols?: string[] } = {}): Promise<TestClient> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, servername: domain, ...options })
    socket.once('secureConnect', () => resolve(new TestClient(socket)))
    socket.once('error', reject)
  })
}

/** A SASL element with data. */
export function sasl(name: string, data: string): string {
  return `<${name} xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>${Buffer.from(data).toString('base64')}</${name}>`
}

/** An `<auth/>` with an initial response. */
export function auth(mechanism: string, data: string): string {
  const text = Buffer.from(data).toString('base64')
  return `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='${mechanism}'>${text}</auth>`
}

/** A bind request with id b1. */
export function bindRequest(resource: string): string {
  const child = resource === '' ? '' : `<resource>${resource}</resource>`
  return `<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>${child}</bind></iq>`
}
