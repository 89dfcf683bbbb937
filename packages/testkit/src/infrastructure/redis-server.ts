import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Server, startServer } from './server-process.ts'
import { requireProgram } from './system-packages.ts'

/** How a Redis for tests is started. */
export interface RedisOptions {
  readonly name: string
  readonly directory: string
  readonly port: number
  /** Keeps its data over restarts (append-only file, written every second); without, a restart forgets all. */
  readonly persistent: boolean
  readonly detached: boolean
  /** Further arguments of redis-server; with a certificate among them its port is one of TLS alone. */
  readonly settings?: readonly string[]
}

/** Starts redis-server on loopback; url: `redis://127.0.0.1:PORT`. */
export async function startRedis(options: RedisOptions): Promise<Server> {
  const { name, directory, port, persistent, detached } = options
  const program = await requireProgram('redis')
  await mkdir(directory, { recursive: true })
  const { settings = [] } = options
  const isTls = settings.includes('--tls-cert-file')
  const ports = isTls ? ['--port', '0', '--tls-port', String(port)] : ['--port', String(port)]
  const network = [...ports, '--bind', '127.0.0.1', '--daemonize', 'no', ...settings]
  // An account's hash stays compact with a roomy session in it; above the limit it costs several times the memory
  const memory = ['--hash-max-listpack-value', '512']
  const disk = ['--dir', directory, '--save', '', '--appendonly', persistent ? 'yes' : 'no']
  return startServer({
    name,
    port,
    url: `redis://127.0.0.1:${port}`,
    log: join(directory, 'server.log'),
    program,
    args: [...network, ...memory, ...disk],
    cwd: directory,
    readyText: 'Ready to accept connections',
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 10_000,
    startTimeoutMs: 20_000,
    detached,
  })
}
