import { connect, createServer, type Socket } from 'node:net'

/** What a relay does with who connects: nothing at all, as a machine that hangs, or hands bytes on. */
export type RelayMode = 'silent' | 'open'

/** A place that listens. */
export interface Place {
  readonly host: string
  readonly port: number
}

/** A port in front of a server, which can be made to look as if the server were not there. */
export interface Relay {
  readonly port: number
  /** Those who are connected already are cut off. */
  readonly set: (mode: RelayMode) => void
  readonly close: () => Promise<void>
}

/** Opens a relay to a place; without `from` it is silent and takes any free port of this machine. */
export async function openRelay(
  target: Place,
  {
    from = { host: '127.0.0.1', port: 0 },
    mode: first = 'silent',
  }: { readonly from?: Place; readonly mode?: RelayMode } = {},
): Promise<Relay> {
  let mode = first
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  }
  const server = createServer((near) => {
    keep(near)
    if (mode === 'silent') return
    const far = connect(target)
    keep(far)
    near.pipe(far).pipe(near)
    near.once('close', () => far.destroy())
    far.once('close', () => near.destroy())
  })
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(from, resolve)
  })
  const at = server.address()
  return {
    port: typeof at === 'object' && at !== null ? at.port : 0,
    set: (next) => {
      mode = next
      cut()
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        cut()
      }),
  }
}
