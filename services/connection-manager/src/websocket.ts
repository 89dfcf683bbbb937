import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { NameTable } from '@starling/xml'
import { WebSocketServer } from 'ws'
import { Connection, type Origin } from './connection.ts'
import { addressKey, stanzaBytes } from './limits.ts'
import { admitAddress, type Pod, releaseAddress } from './pod.ts'
import { WebSocketLink } from './websocket-link.ts'

/** Path of the WebSocket, part of the outside contract. */
export const webSocketPath = '/xmpp-websocket'

interface Arrival {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

const subprotocol = 'xmpp' // RFC 7395 §3.1

/** Makes the handler of upgrade requests. Source: RFC 7395 §3.1. */
export function createUpgradeHandler(
  pod: Pod,
  ports: { readonly names: NameTable; readonly maxOutputBytes: number },
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    clientTracking: false,
    skipUTF8Validation: true, // the gate checks
    maxPayload: stanzaBytes(pod.io.settings.c2s.maxStanzaBytes),
    handleProtocols: () => subprotocol,
  })
  return (request, socket, head) => {
    const remoteAddress = request.socket.remoteAddress ?? 'unknown'
    const key = addressKey(request.socket.remoteAddress)
    socket.on('error', () => socket.destroy())
    if (pod.phase() === 'draining') return refuse(socket, '503 Service Unavailable')
    if (!offersXmpp(request)) return refuse(socket, '400 Bad Request', 'the subprotocol xmpp is needed')
    if (!admitAddress(pod, key)) return refuse(socket, '429 Too Many Requests')
    const leave = (): void => releaseAddress(pod, key)
    socket.once('close', leave)
    const run = (): void => {
      socket.removeListener('close', leave)
      upgrade({ request, socket, head }, { transport: 'websocket', remoteAddress, addressKey: key })
    }
    // After the death of a pod thousands arrive at once
    if (pod.arrivals.take({ run, isGone: () => socket.destroyed })) return
    socket.removeListener('close', leave)
    leave()
    pod.meters.refused.add(1, { limit: 'waitingSockets' })
    refuse(socket, '503 Service Unavailable')
  }

  function upgrade({ request, socket, head }: Arrival, origin: Origin): void {
    let isUpgraded = false
    server.handleUpgrade(request, socket, head, (webSocket) => {
      isUpgraded = true
      const connection = new Connection(pod, origin, ports.names)
      const isSecure = request.socket instanceof TLSSocket
      const { flushes } = pod
      const { maxOutputBytes } = ports
      connection.attach(new WebSocketLink({ webSocket, socket, isSecure }, connection, { flushes, maxOutputBytes }))
    })
    // ws answers a bad handshake itself and calls nobody.
    if (!isUpgraded) releaseAddress(pod, origin.addressKey)
  }
}

function offersXmpp(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? ''
  return offered.split(',').some((one) => one.trim() === subprotocol)
}

/** Answers and closes: what is not counted may not linger. */
function refuse(socket: Duplex, status: string, text = ''): undefined {
  const headers = `Connection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(text)}`
  socket.end(`HTTP/1.1 ${status}\r\n${headers}\r\n\r\n${text}`, () => socket.destroy())
}
