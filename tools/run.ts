import { spawn } from 'node:child_process'
import { join } from 'node:path'

/** The repository's root. */
export const root: string = join(import.meta.dirname, '..')

/** Where npm puts programs. */
export const programs: string = join(root, 'node_modules/.bin')

/** What a program said, and how it ended. */
export interface RunResult {
  readonly code: number
  readonly output: string
}

/** How a program is run. */
export interface RunOptions {
  /** Also print what it prints. */
  readonly show: boolean
  readonly env?: Readonly<Record<string, string>>
  /** It and what it started are killed after this. */
  readonly timeoutMs: number
}

/** Runs a program in the root, with this Node and the workspace's programs first on its path; never rejects. */
export function run(program: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const path = `${join(process.execPath, '..')}:${programs}:${process.env['PATH'] ?? ''}`
  const env = { ...process.env, ...options.env, PATH: path }
  return new Promise((resolve) => {
    const child = spawn(program, [...args], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    const end = (signal: NodeJS.Signals): void => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, signal)
    }
    const interrupted = (): void => end('SIGTERM')
    const chunks: Buffer[] = []
    const take = (chunk: Buffer): void => {
      chunks.push(chunk)
      if (options.show) process.stdout.write(chunk)
    }
    const timer = setTimeout(() => {
      take(
        Buffer.from(`\n${program} did not end within ${Math.round(options.timeoutMs / 6000) / 10} minutes: killed\n`),
      )
      end('SIGKILL')
    }, options.timeoutMs)
    const finish = (code: number): void => {
      clearTimeout(timer)
      for (const signal of signals) process.off(signal, interrupted)
      resolve({ code, output: Buffer.concat(chunks).toString('utf8') })
    }
    const signals = ['SIGINT', 'SIGTERM'] as const
    for (const signal of signals) process.on(signal, interrupted)
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    child.on('error', (error) => {
      take(Buffer.from(`${program}: ${error.message}\n`))
      finish(-1)
    })
    child.on('close', (code) => finish(code ?? -1))
  })
}
