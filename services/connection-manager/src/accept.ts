import type { Socket } from 'node:net'
import type { StreamError } from '@starling/stanza'
import type { NameTable } from '@starling/xml'
import { Connection } from './connection.ts'
import { addressKey, limits } from './limits.ts'
import { admitAddress, type Pod, releaseAddress } from './pod.ts'
import { SocketLink, type SocketLinkPorts } from './socket-link.ts'
import { closeText, errorText, headerText } from './stream-text.ts'

/** What accepting needs beside the pod. */
export interface AcceptPorts {
  readonly names: NameTable
  readonly links: SocketLinkPorts
}

/** Takes a socket of the STARTTLS port, of a client with this address. */
export function acceptPlain(pod: Pod, socket: Socket, ports: AcceptPorts, address = socket.remoteAddress): void {
  const key = addressKey(address)
  // RFC 6120 §13.12: told why, without waiting for a header
  if (!admitAddress(pod, key)) {
    sayNo(pod, socket, { condition: 'policy-violation', text: 'too many connections from this address' })
    return
  }
  const isWaiting = wait(pod, socket, key, () => {
    open(pod, socket, ports, { transport: 'tcp', address }).readPlain()
    socket.resume()
  })
  if (!isWaiting) sayNo(pod, socket, { condition: 'resource-constraint', text: 'too many arrive at once' }) // RFC 6120 §4.9.3.17
}

/** Takes a socket of the direct TLS port, of a client with this address. Source: XEP-0368 §3. */
export function acceptTls(pod: Pod, socket: Socket, ports: AcceptPorts, address = socket.remoteAddress): void {
  const key = addressKey(address)
  // A handshake only to say no costs more than it is worth.
  const isWaiting =
    admitAddress(pod, key) &&
    wait(pod, socket, key, () => open(pod, socket, ports, { transport: 'tls', address }).startTls())
  if (isWaiting) return
  socket.on('error', () => socket.destroy())
  socket.destroy()
}

/**
 * Serves a socket of an admitted address when its turn comes: after the death of a pod thousands arrive at once, and each costs a
 * handshake. False when too many wait; the address is released then.
 */
function wait(pod: Pod, socket: Socket, key: string, serve: () => void): boolean {
  const leave = (): void => releaseAddress(pod, key)
  let isServed = false
  let wake = (): void => {}
  const run = (): void => {
    isServed = true
    wake()
    socket.removeListener('close', leave)
    serve()
  }
  socket.on('close', leave)
  if (!pod.arrivals.take({ run, isGone: () => socket.destroyed })) {
    socket.removeListener('close', leave)
    leave()
    pod.meters.refused.add(1, { limit: 'waitingSockets' })
    return false
  }
  if (!isServed) wake = hold(socket)
  return true
}

/** Keeps the beginning of what a socket says, so that its end is seen; returns what gives it back. */
function hold(socket: Socket): () => void {
  const held: Buffer[] = []
  let bytes = 0
  const ignore = (): void => {}
  const onData = (chunk: Buffer): void => {
    held.push(chunk)
    bytes += chunk.length
    if (bytes >= limits.waitingSocketBytes) socket.pause()
  }
  socket.on('error', ignore)
  socket.on('data', onData)
  return () => {
    socket.removeListener('error', ignore)
    socket.removeListener('data', onData)
    socket.pause()
    if (bytes > 0) socket.unshift(Buffer.concat(held))
  }
}

function sayNo(pod: Pod, socket: Socket, error: StreamError): void {
  const header = headerText('tcp', { from: pod.io.domain, id: '0', to: '' })
  socket.on('error', () => socket.destroy())
  // It is not counted, so it may not linger.
  socket.end(header + errorText('tcp', error) + closeText('tcp'), () => socket.destroy())
}

/** Where a socket's client is, and what it speaks. */
interface From {
  readonly transport: 'tcp' | 'tls'
  readonly address: string | undefined
}

function open(pod: Pod, socket: Socket, ports: AcceptPorts, { transport, address }: From): SocketLink {
  const origin = { transport, remoteAddress: address ?? 'unknown', addressKey: addressKey(address) }
  socket.setNoDelay(true)
  const connection = new Connection(pod, origin, ports.names)
  const link = new SocketLink(socket, connection, ports.links)
  connection.attach(link)
  return link
}
