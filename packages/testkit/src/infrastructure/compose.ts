import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryDirectory } from './cache.ts'
import { command, tryCommand } from './command.ts'
import type { Server } from './server-process.ts'

/**
 * The services of docker-compose.yml that tests use. It publishes each on 127.0.0.1 at the port that these variables give
 * (Kafka advertises that address too), and makes PostgreSQL's user, password and database `starling`.
 */
export const composeServices = {
  kafka: { portVariable: 'STARLING_KAFKA_PORT', url: (port: number) => `127.0.0.1:${port}` },
  redis: { portVariable: 'STARLING_REDIS_PORT', url: (port: number) => `redis://127.0.0.1:${port}` },
  postgres: {
    portVariable: 'STARLING_POSTGRES_PORT',
    url: (port: number) => `postgres://starling:starling@127.0.0.1:${port}/starling`,
  },
} as const

/** A service of docker-compose.yml. */
export type ComposeService = keyof typeof composeServices

const composeFile = join(repositoryDirectory, 'docker-compose.yml')
const engineTimeoutMs = 3000
const upTimeoutMs = 300_000

/** Whether containers can be had: an engine that answers within 3 s, its compose command, and our file. */
export async function composeAnswers(): Promise<boolean> {
  if (!existsSync(composeFile)) return false
  const engine = await tryCommand('docker', ['info'], { timeoutMs: engineTimeoutMs })
  if (engine.code !== 0) return false
  return (await tryCommand('docker', ['compose', 'version'], { timeoutMs: engineTimeoutMs })).code === 0
}

/**
 * Brings services up in a project of this process's own, which goes (with its data) when the process ends.
 * Errors: rejects with what docker said when an image or a container does not come up.
 */
export async function startCompose(
  ports: ReadonlyMap<ComposeService, number>,
): Promise<{ readonly servers: ReadonlyMap<ComposeService, Server>; readonly stop: () => Promise<void> }> {
  const project = `starling-test-${process.pid}-${[...ports.values()].join('-')}`
  const env = Object.fromEntries([...ports].map(([name, port]) => [composeServices[name].portVariable, String(port)]))
  const base = ['compose', '-p', project, '-f', composeFile]
  const compose = (...args: readonly string[]): Promise<string> =>
    command('docker', [...base, ...args], { env, timeoutMs: upTimeoutMs })
  const stopWatching = removeWhenParentEnds([...base, 'down', '-v', '-t', '5'])
  const stop = async (): Promise<void> => {
    await compose('down', '-v', '-t', '10')
    stopWatching()
  }
  try {
    await compose('up', '-d', '--wait', ...ports.keys())
    const servers = new Map<ComposeService, Server>()
    for (const [name, port] of ports) servers.set(name, await composeServer(name, port, compose))
    return { servers, stop }
  } catch (error) {
    await stop().catch(() => undefined)
    throw error
  }
}

async function composeServer(
  name: ComposeService,
  port: number,
  compose: (...args: readonly string[]) => Promise<string>,
): Promise<Server> {
  const readPid = async (): Promise<number> => {
    const id = (await compose('ps', '-q', name)).trim()
    return Number(await command('docker', ['inspect', '--format', '{{.State.Pid}}', id]))
  }
  let pid = await readPid()
  let isPaused = false
  const resume = async (): Promise<void> => {
    if (isPaused) await compose('unpause', name)
    isPaused = false
  }
  return {
    name,
    get pid() {
      return pid
    },
    port,
    url: composeServices[name].url(port),
    log: `docker compose logs ${name}`,
    stop: async () => {
      await resume()
      await compose('stop', name)
    },
    kill: async (signal) => {
      if (signal === 'SIGCONT') return resume()
      if (signal === 'SIGSTOP') {
        await compose('pause', name)
        isPaused = true
      } else await compose('kill', '-s', signal, name)
    },
    start: async () => {
      if (isPaused) return resume()
      await compose('up', '-d', '--wait', '--no-recreate', name)
      pid = await readPid()
    },
  }
}

/** Runs `docker ARGS` when the pipe from this process breaks; returns how to call that off. */
function removeWhenParentEnds(args: readonly string[]): () => void {
  const watchdog = spawn('/bin/sh', ['-c', 'read -r line && exit 0; exec docker "$@"', 'watchdog', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watchdog.on('error', () => undefined)
  watchdog.stdin.on('error', () => undefined)
  watchdog.unref()
  if ('unref' in watchdog.stdin && typeof watchdog.stdin.unref === 'function') watchdog.stdin.unref()
  return () => watchdog.stdin.end('ended\n')
}
