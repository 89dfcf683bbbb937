import { type ChildProcess, fork } from 'node:child_process'
import { WebSocket } from 'ws'
import { auth, connectPlain, connectSecure, type TestClient } from './test-support/client.ts'
import { domain } from './test-support/fake-io.ts'

// Fewer tell more of the heap's growth than of connections.
const count = 2_000

/** One figure. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

type Ports = Readonly<Record<'c2s' | 'c2sTls' | 'http', number>>
interface Memory {
  readonly rss: number
  readonly heapUsed: number
}

/** Memory of an idle bound connection, by transport; the pod runs in a process of its own. */
export async function bench(): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const kind of ['TCP', 'STARTTLS', 'TLS', 'WebSocket'] as const) {
    const child = fork(new URL('./test-support/bench-server.ts', import.meta.url), {
      execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning'],
    })
    const { ports } = await answerOf<{ readonly ports: Ports }>(child)
    const ends: (() => void)[] = []
    // The first ones pay for code and pools.
    for (let at = 0; at < count / 10; at++) ends.push(await connections[kind](ports))
    const before = await ask(child)
    for (let at = 0; at < count; at++) ends.push(await connections[kind](ports))
    const after = await ask(child)
    figures.push(
      { name: `${kind}: RSS of an idle bound connection`, value: kib(after.rss - before.rss), unit: 'KiB' },
      {
        name: `${kind}: JS heap of an idle bound connection`,
        value: kib(after.heapUsed - before.heapUsed),
        unit: 'KiB',
      },
    )
    for (const end of ends) end()
    child.send('end')
  }
  return figures
}

const connections = {
  TCP: async ({ c2s }: Ports) => signIn(await connectPlain(c2s)),
  STARTTLS: async ({ c2s }: Ports) => {
    const client = await connectPlain(c2s)
    await client.startTls()
    return signIn(client)
  },
  TLS: async ({ c2sTls }: Ports) => signIn(await connectSecure(c2sTls)),
  WebSocket: async ({ http }: Ports) => webSocket(http),
} as const

async function signIn(client: TestClient): Promise<() => void> {
  const features = await client.open()
  if (features.includes('PLAIN')) {
    client.send(auth('PLAIN', '\0romeo\0secret'))
    await client.expect(/<success/)
  } else await client.scram('romeo', 'secret')
  await client.open()
  await client.bind('')
  return () => client.end()
}

/** SCRAM needs a computing client: over WebSocket the stream stays before sign-in, which costs the pod the same. */
function webSocket(port: number): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/xmpp-websocket`, 'xmpp')
    socket.once('error', reject)
    socket.on('open', () => {
      socket.send(`<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='${domain}' version='1.0'/>`)
    })
    socket.on('message', (data) => {
      if (String(data).startsWith('<stream:features')) resolve(() => socket.terminate())
    })
  })
}

function ask(child: ChildProcess): Promise<Memory> {
  child.send('memory')
  return answerOf<Memory>(child)
}

function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve) => child.once('message', (message) => resolve(message as T)))
}

function kib(bytes: number): number {
  return Math.round((bytes / count / 1024) * 10) / 10
}
