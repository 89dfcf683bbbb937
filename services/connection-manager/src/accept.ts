import type { Socket } from 'node:net'
import type { NameTable } from '@starling/xml'
import { Connection } from './connection.ts'
import { addressKey } from './limits.ts'
import { admitAddress, type Pod } from './pod.ts'
import { SocketLink, type SocketLinkPorts } from './socket-link.ts'
import { closeText, errorText, headerText } from './stream-text.ts'

/** What accepting needs beside the pod. */
export interface AcceptPorts {
  readonly names: NameTable
  readonly links: SocketLinkPorts
}

/** Takes a socket of the STARTTLS port. */
export function acceptPlain(pod: Pod, socket: Socket, ports: AcceptPorts): void {
  const key = addressKey(socket.remoteAddress)
  if (!admitAddress(pod, key)) {
    // RFC 6120 §13.12: told why, without waiting for a header
    const header = headerText('tcp', { from: pod.io.domain, id: '0', to: '' })
    const error = errorText('tcp', { condition: 'policy-violation', text: 'too many connections from this address' })
    socket.on('error', () => socket.destroy())
    // It is not counted, so it may not linger.
    socket.end(header + error + closeText('tcp'), () => socket.destroy())
    return
  }
  open(pod, socket, ports)?.readPlain()
}

/** Takes a socket of the direct TLS port. Source: XEP-0368 §3. */
export function acceptTls(pod: Pod, socket: Socket, ports: AcceptPorts): void {
  // A handshake only to say no costs more than it is worth.
  if (!admitAddress(pod, addressKey(socket.remoteAddress))) {
    socket.on('error', () => socket.destroy())
    socket.destroy()
    return
  }
  open(pod, socket, ports, 'tls')?.startTls()
}

function open(pod: Pod, socket: Socket, ports: AcceptPorts, transport: 'tcp' | 'tls' = 'tcp'): SocketLink {
  const remoteAddress = socket.remoteAddress ?? 'unknown'
  const origin = { transport, remoteAddress, addressKey: addressKey(socket.remoteAddress) }
  socket.setNoDelay(true)
  const connection = new Connection(pod, origin, ports.names)
  const link = new SocketLink(socket, connection, ports.links)
  connection.attach(link)
  return link
}
