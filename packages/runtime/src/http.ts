import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { HttpPort, Logger } from '@starling/core'

/** What `/readyz` says beside the process's id (whoever started it may have met another's port): every part that must be up, and whether it is. */
export type Readiness = Readonly<Record<string, boolean>>

/** The one HTTP server of a process. */
export interface HttpServer extends HttpPort {
  /** Errors: rejects with the socket's error, EADDRINUSE above all. */
  readonly listen: (port: number, address: string) => Promise<number>
  readonly close: () => Promise<void>
}

/** Paths the runtime answers itself. */
export interface OwnPaths {
  readonly readiness: () => Readiness
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>
}

/** A server that answers health and metrics itself and hands the rest to whoever registered. */
export function createHttpServer(own: OwnPaths, logger: Logger): HttpServer {
  const routes: { prefix: string; handle: (request: IncomingMessage, response: ServerResponse) => void }[] = []
  const upgrades = new Map<string, (request: IncomingMessage, socket: Duplex, head: Buffer) => void>()
  const sockets = new Set<Socket>()

  const json = (response: ServerResponse, status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(`${JSON.stringify(body)}\n`)
  }
  const answer = async (path: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (path === '/healthz') return json(response, 200, { status: 'alive' })
    if (path === '/readyz') {
      const parts = own.readiness()
      const isReady = Object.values(parts).every(Boolean)
      return json(response, isReady ? 200 : 503, { status: isReady ? 'ready' : 'not ready', pid: process.pid, parts })
    }
    if (path === '/metrics') {
      const { contentType, text } = await own.metrics()
      response.writeHead(200, { 'content-type': contentType }).end(text)
      return
    }
    const route = routes.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))
    if (route !== undefined) return route.handle(request, response)
    // While stages start, what is not there may be about to come
    const [status, title] = own.readiness()['started'] === false ? [503, 'Service Unavailable'] : [404, 'Not Found']
    json(response, status as number, { status, title })
  }

  const server: Server = createServer((request, response) => {
    answer(pathOf(request), request, response).catch((error: unknown) => {
      logger.error({ what: 'http.bug', path: pathOf(request), error })
      if (!response.headersSent) json(response, 500, { status: 500, title: 'Internal Server Error' })
    })
  })
  server.on('upgrade', (request, socket, head) => {
    const handle = upgrades.get(pathOf(request))
    if (handle !== undefined) return handle(request, socket, head)
    socket.on('error', () => {}) // it is refused either way
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n')
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
  })

  return {
    route: (prefix, handle) => {
      routes.push({ prefix, handle })
      routes.sort((one, other) => other.prefix.length - one.prefix.length)
    },
    upgrade: (path, handle) => {
      upgrades.set(path, handle)
    },
    listen: (port, address) =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, address, () => {
          server.off('error', reject)
          server.on('error', (error) => logger.error({ what: 'http.error', error }))
          const at = server.address()
          resolve(typeof at === 'object' && at !== null ? at.port : port)
        })
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '/'
  const end = url.search(/[?#]/)
  return end < 0 ? url : url.slice(0, end)
}
