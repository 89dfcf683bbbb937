import { createConnection, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { WebSocket } from 'ws'
import type { Transport } from '../scenario/scenario.ts'
import { openBosh } from './bosh-link.ts'
import { closeStream, openStream } from './stream-text.ts'

/** A place to connect to. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** How a link is opened. */
export interface LinkOptions {
  readonly transport: Transport
  readonly endpoint: Endpoint
  readonly domain: string
  readonly localAddress: string | undefined
  /** Memory that every plain TCP connection reads into. */
  readonly shared: Buffer
}

/** What a link tells; nothing after `onClose`, which comes once. */
export interface LinkEvents {
  readonly onOpen: () => void
  readonly onData: (bytes: Buffer) => void
  readonly onClose: (reason: string) => void
}

/** One connection, whatever it is made of. */
export interface Link {
  /** A new stream, the first or one after it; `from` may be empty. */
  readonly openStream: (from: string) => void
  readonly write: (text: string) => void
  /** TLS over the connection that is there (RFC 6120 §5.4.3.3); onOpen tells again when it stands. */
  readonly startTls: () => void
  /** Gone at once, without a word: what a phone does. */
  readonly cut: () => void
  /** Closes the stream and the connection. */
  readonly end: () => void
}

/** Opens one. Certificates are not checked: it is the server that is measured, and its certificate is often its own. */
export function openLink(options: LinkOptions, events: LinkEvents): Link {
  switch (options.transport) {
    case 'websocket':
      return openWebSocket(options, events)
    case 'bosh':
      return openBosh(options, events)
    case 'tcp':
    case 'starttls':
    case 'tls':
      return openSocket(options, events)
    default:
      return options.transport satisfies never
  }
}

function openSocket({ transport, endpoint, domain, localAddress, shared }: LinkOptions, events: LinkEvents): Link {
  let isClosed = false
  const close = (reason: string): void => {
    if (isClosed) return
    isClosed = true
    events.onClose(reason)
  }
  const follow = (socket: Socket | TLSSocket): void => {
    socket.on('error', (error) => close(reasonOf(error)))
    socket.on('close', () => close('closed'))
  }
  const where = { ...endpoint, noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) }
  const secure = (socket: Socket | undefined): TLSSocket => {
    const name = /[a-z]/i.test(domain) ? { servername: domain } : {}
    // XEP-0368 §4: direct TLS names the protocol by ALPN.
    const base = socket === undefined ? { ...where, ALPNProtocols: ['xmpp-client'] } : { socket }
    const tls = connectTls({ ...base, ...name, rejectUnauthorized: false }, events.onOpen)
    tls.setNoDelay(true)
    tls.on('data', events.onData)
    follow(tls)
    return tls
  }
  const plain = (): Socket => {
    if (transport === 'starttls') {
      const socket = createConnection(where, events.onOpen)
      socket.on('data', events.onData)
      return socket
    }
    // One buffer for all: what is read is used up before the next read.
    const callback = (length: number, buffer: Uint8Array): boolean => {
      events.onData(Buffer.from(buffer.buffer, buffer.byteOffset, length))
      return true
    }
    return createConnection({ ...where, onread: { buffer: shared, callback } }, events.onOpen)
  }
  let socket: Socket | TLSSocket = transport === 'tls' ? secure(undefined) : plain()
  if (transport !== 'tls') follow(socket)
  return {
    openStream: (from) => void socket.write(openStream(transport, domain, from)),
    write: (text) => void socket.write(text),
    startTls: () => {
      socket.removeAllListeners('data')
      socket = secure(socket)
    },
    cut: () => {
      isClosed = true
      socket.destroy()
    },
    end: () => void socket.end(closeStream(transport)),
  }
}

function openWebSocket({ transport, endpoint, domain, localAddress }: LinkOptions, events: LinkEvents): Link {
  const url = `ws://${endpoint.host}:${endpoint.port}/xmpp-websocket`
  // RFC 7395 §3.1: the subprotocol is named xmpp.
  const socket = new WebSocket(url, 'xmpp', {
    perMessageDeflate: false,
    skipUTF8Validation: true,
    ...(localAddress === undefined ? {} : { localAddress }),
  })
  let isClosed = false
  const close = (reason: string): void => {
    if (isClosed) return
    isClosed = true
    events.onClose(reason)
  }
  socket.on('open', events.onOpen)
  socket.on('message', (data) => events.onData(data as Buffer))
  socket.on('error', (error) => close(reasonOf(error)))
  socket.on('close', () => close('closed'))
  const write = (text: string): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(text)
  }
  return {
    openStream: (from) => write(openStream(transport, domain, from)),
    write,
    startTls: () => close('no STARTTLS over WebSocket'),
    cut: () => {
      isClosed = true
      socket.terminate()
    },
    end: () => {
      write(closeStream(transport))
      socket.close()
    },
  }
}

function reasonOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.message
}
