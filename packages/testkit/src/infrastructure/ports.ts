import { createServer, type Server } from 'node:net'

/** Below the range from which the system takes ports for outgoing connections: a restarted server finds its port free. */
const firstPort = 20_000
const lastPort = 31_999

/**
 * Finds `count` ports of 127.0.0.1 that are free at this moment.
 * Shape: from `base` upwards if given, else from a place that differs between processes.
 * Errors: throws when the range holds too few.
 */
export async function freePorts(count: number, base?: number): Promise<readonly number[]> {
  const start = base ?? firstPort + ((process.pid * 97) % (lastPort - firstPort))
  const held: Server[] = []
  const ports: number[] = []
  for (let step = 0; ports.length < count && step < lastPort - firstPort; step++) {
    const port = base === undefined ? firstPort + ((start - firstPort + step) % (lastPort - firstPort)) : start + step
    const server = await listen(port)
    if (server === undefined) continue
    held.push(server)
    ports.push(port)
  }
  await Promise.all(held.map((server) => new Promise((done) => server.close(done))))
  if (ports.length < count) throw new Error(`no ${count} free ports on 127.0.0.1 from ${start}`)
  return ports
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server))
  })
}
