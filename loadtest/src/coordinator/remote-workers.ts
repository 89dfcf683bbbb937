import { createServer, type Server, type Socket } from 'node:net'
import { lineChannel } from '../worker/line-channel.ts'
import type { Order, Report } from '../worker/messages.ts'
import type { WorkerChannel } from './workers.ts'

/** Time the workers have to come: a cluster may have to make room for them. Units: ms. */
const workersPatienceMs = 600_000

/** Waits for workers of other machines or pods (`npm run loadtest -- work HOST:PORT`). Shape: `[HOST:]PORT`. Errors: rejects with a sentence. */
export async function awaitWorkers(
  listen: string,
  expected: number,
  signal: AbortSignal,
): Promise<readonly WorkerChannel[]> {
  const match = /^(?:(.+):)?(\d{1,5})$/.exec(listen)
  if (match === null) throw new Error(`--listen ${listen} is not [HOST:]PORT`)
  const [, host = '127.0.0.1', port = ''] = match
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`--listen ${listen}: ${error.message}`)))
    server.listen({ host, port: Number(port) }, resolve)
  })
  const channels = await gather(server, expected, signal)
  server.close()
  return channels
}

function gather(server: Server, expected: number, signal: AbortSignal): Promise<readonly WorkerChannel[]> {
  return new Promise((resolve, reject) => {
    const channels: WorkerChannel[] = []
    const stop = (why: string): void => {
      clearTimeout(timer)
      server.close()
      for (const channel of channels) channel.close()
      reject(new Error(`${why}: ${channels.length} of ${expected} workers had come`))
    }
    const abort = (): void => stop('broken off')
    const timer = setTimeout(() => stop(`waited ${workersPatienceMs / 60_000} min for workers`), workersPatienceMs)
    signal.addEventListener('abort', abort)
    server.on('connection', (socket: Socket) => {
      if (channels.length >= expected) return void socket.destroy()
      channels.push(lineChannel<Order, Report>(socket))
      process.stderr.write(`worker ${channels.length} of ${expected} has come\n`)
      if (channels.length < expected) return
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      resolve(channels)
    })
  })
}
