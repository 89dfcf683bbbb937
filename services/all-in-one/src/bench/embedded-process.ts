import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The embedded server in a process of its own. */
export interface EmbeddedProcess {
  readonly pid: number
  readonly ports: { readonly c2s: number; readonly http: number }
  readonly token: string
  /** From the start of the process until it said that it serves. Units: ms. */
  readonly startMs: number
  /** Ends it as a person would, with SIGTERM. */
  readonly stop: () => Promise<void>
}

const main = fileURLToPath(new URL('../main.ts', import.meta.url))

/** Settings of every measured server: no limits and no TLS, so that the pipeline is what is measured. */
export const benchSettings: Readonly<Record<string, string>> = {
  STARLING_C2S_REQUIRE_TLS: 'false',
  STARLING_C2S_STREAMS_PER_ADDRESS: '0',
  STARLING_C2S_STANZAS_PER_SECOND: '0',
  STARLING_C2S_BYTES_PER_SECOND: '0',
  STARLING_C2S_LOGINS_PER_SECOND: '0',
  STARLING_SCRAM_ITERATIONS: '4096',
  STARLING_LOG_LEVEL: 'warn',
}

/** Starts the embedded server on free ports. Errors: rejects with what it printed when it ends instead. */
export async function startEmbeddedProcess(
  dataDir: string,
  nodeArguments: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<EmbeddedProcess> {
  const token = randomUUID()
  const started = performance.now()
  // As tools/bootstrap.mjs starts it
  const options = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=32']
  const child = spawn(process.execPath, [...options, ...nodeArguments, main], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...withoutSettings(process.env),
      ...benchSettings,
      STARLING_ADMIN_TOKEN: token,
      STARLING_DATA_DIR: dataDir,
      STARLING_LISTEN_C2S: '127.0.0.1',
      STARLING_LISTEN_HTTP: '127.0.0.1',
      STARLING_PORTS_C2S: '0',
      STARLING_PORTS_C2S_TLS: '0',
      STARLING_PORTS_HTTP: '0',
      ...environment,
    },
  })
  const exited = once(child, 'exit')
  let printed = ''
  await new Promise<void>((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      printed += chunk.toString('utf8')
      if (printed.includes('Starling serves')) resolve()
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    void exited.then(() => reject(new Error(`the server ended: ${printed}`)))
  })
  const startMs = performance.now() - started
  const running: { readonly ports: EmbeddedProcess['ports'] } = JSON.parse(
    readFileSync(join(dataDir, 'running.json'), 'utf8'),
  )
  return {
    pid: child.pid ?? 0,
    ports: running.ports,
    token,
    startMs,
    stop: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}

/** The environment without a developer's own settings of Starling. */
export function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('STARLING_')))
}
