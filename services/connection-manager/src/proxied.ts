import type { Socket } from 'node:net'
import { limits } from './limits.ts'
import type { Pod } from './pod.ts'
import { readProxyHeader } from './proxy-header.ts'

/** Takes a socket whose client's address is known. */
export type Accept = (socket: Socket, address: string | undefined) => void

/**
 * Makes what takes sockets that begin with a header of the PROXY protocol: the client's address is the header's, and a socket without
 * one is closed. Sockets that have not said it all are bounded in number (`limits.waitingSockets`) and time (`limits.proxyHeaderMs`).
 * Source: "The PROXY protocol" §2, §2.2.
 */
export function acceptProxied(pod: Pod, accept: Accept): (socket: Socket) => void {
  let waiting = 0
  return (socket) => {
    if (waiting >= limits.waitingSockets) {
      pod.meters.refused.add(1, { limit: 'waitingSockets' })
      socket.on('error', ignore)
      socket.destroy()
      return
    }
    waiting += 1
    let held: Buffer = Buffer.alloc(0)
    const cancel = pod.later(limits.proxyHeaderMs, () => socket.destroy())
    const leave = (): void => {
      waiting -= 1
      cancel()
      socket.removeListener('readable', onReadable)
      socket.removeListener('end', onEnd)
      socket.removeListener('close', leave)
    }
    const onReadable = (): void => {
      const chunk: Buffer | null = socket.read()
      if (chunk === null) return
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      const header = readProxyHeader(held)
      switch (header.kind) {
        case 'incomplete':
          return
        case 'invalid':
          pod.meters.refused.add(1, { limit: 'proxyHeader' })
          socket.destroy()
          return
        case 'complete':
          leave()
          if (held.length > header.length) socket.unshift(held.subarray(header.length))
          // In a turn of its own: by then the stream knows that nobody listens for `readable` any more
          setImmediate(() => {
            socket.removeListener('error', ignore)
            if (!socket.destroyed) accept(socket, header.source ?? socket.remoteAddress)
          })
          return
        default:
          header satisfies never
      }
    }
    // §2.2: connections with partial headers are rejected
    const onEnd = (): void => void socket.destroy()
    socket.on('error', ignore)
    socket.on('readable', onReadable)
    socket.on('end', onEnd)
    socket.on('close', leave)
  }
}

// What follows an error is `close`
function ignore(): void {}
