import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Transport } from '../scenario/scenario.ts'
import { portFor, type ServerPorts, type Target } from './target.ts'

const main = fileURLToPath(new URL('../../../services/all-in-one/src/main.ts', import.meta.url))

/** Settings of Starling for a load: loopback has one address, and a load is no attack; without limits it is the server that is measured. */
export const unlimited: Readonly<Record<string, string>> = {
  STARLING_C2S_STREAMS_PER_ADDRESS: '0',
  STARLING_C2S_STANZAS_PER_SECOND: '0',
  STARLING_C2S_BYTES_PER_SECOND: '0',
  STARLING_C2S_LOGINS_PER_SECOND: '0',
  STARLING_REGISTRATION_IN_BAND: 'true',
  STARLING_REGISTRATION_PER_ADDRESS_PER_HOUR: '0',
  // As ejabberd and Prosody have it, so that comparisons are fair.
  STARLING_SCRAM_ITERATIONS: '4096',
  STARLING_LOG_LEVEL: 'warn',
}

/** Free ports of loopback. */
const places: Readonly<Record<string, string>> = {
  STARLING_LISTEN_C2S: '127.0.0.1',
  STARLING_LISTEN_HTTP: '127.0.0.1',
  STARLING_PORTS_C2S: '0',
  STARLING_PORTS_C2S_TLS: '0',
  STARLING_PORTS_HTTP: '0',
}

/**
 * Starts the embedded server on free ports with an empty folder, which goes with it. What STARLING_ variables
 * the environment holds wins over the settings here.
 * Errors: rejects with what it printed.
 */
export async function startEmbedded(transport: Transport): Promise<Target> {
  const token = randomUUID()
  const dataDir = mkdtempSync(join(tmpdir(), 'starling-load-'))
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A Ctrl-C in the terminal is for us: the server goes when we let it.
    detached: true,
    env: {
      ...unlimited,
      ...places,
      STARLING_C2S_REQUIRE_TLS: transport === 'tcp' ? 'false' : 'true',
      ...process.env,
      STARLING_ADMIN_TOKEN: token,
      STARLING_DATA_DIR: dataDir,
    },
  })
  const exited = once(child, 'exit')
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await exited
    process.off('exit', kill)
    rmSync(dataDir, { recursive: true, force: true })
  }
  let printed = ''
  const ready = new Promise<void>((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      if (printed.length < 100_000) printed += chunk.toString('utf8')
      if (printed.includes('Starling serves')) resolve()
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    void exited.then(() => reject(new Error(`the embedded server ended:\n${printed}`)))
  })
  try {
    await ready
  } catch (error) {
    rmSync(dataDir, { recursive: true, force: true })
    throw error
  }
  const running = JSON.parse(readFileSync(join(dataDir, 'running.json'), 'utf8')) as {
    readonly domain: string
    readonly ports: ServerPorts
  }
  const http = `http://127.0.0.1:${running.ports.http}`
  return {
    name: 'embedded',
    domain: running.domain,
    endpoints: [{ host: '127.0.0.1', port: portFor(transport, running.ports) }],
    admin: { url: http, token },
    isOpen: true,
    processes: [{ name: 'starling', pid: child.pid ?? 0 }],
    metricsUrls: [],
    killPod: undefined,
    stop,
  }
}
