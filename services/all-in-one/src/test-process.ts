import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** The server in a process of its own, started with a configuration file and no setting of this process's environment. */
export interface ToldProcess {
  readonly child: ChildProcess
  /** What the newest line of its log with this `what` says, once there are so many. Errors: rejects when the process ends. */
  readonly said: (what: string, times?: number) => Promise<Readonly<Record<string, unknown>>>
}

/** Starts it; whoever starts it ends it. */
export function startTold(config: string): ToldProcess {
  const ours = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('STARLING_')))
  const main = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'main.ts')]
  const env = { ...ours, STARLING_CONFIG: config }
  const child = spawn(process.execPath, main, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const said: ToldProcess['said'] = async (what, times = 1) => {
    for (;;) {
      const lines = text.split('\n').filter((line) => line.includes(`"what":"${what}"`) && line.endsWith('}'))
      if (lines.length >= times) return JSON.parse(lines.at(-1) ?? '{}')
      await Promise.race([once(child.stderr, 'data'), once(child, 'close')])
      if (child.exitCode !== null) throw new Error(`it ended: ${text}`)
    }
  }
  return { child, said }
}
