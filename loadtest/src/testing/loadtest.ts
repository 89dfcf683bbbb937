import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunResult } from '../report/result.ts'

const main = join(import.meta.dirname, '../main.ts')
const timeoutMs = 240_000

/** What a command of the load suite left. */
export interface Ended {
  readonly status: number
  /** Both outputs, as they came. */
  readonly said: string
}

/** Runs `npm run loadtest -- ARGS`, as a process of its own. */
export async function runLoadtest(args: readonly string[]): Promise<Ended> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('STARLING_')))
  const command = ['--disable-warning=ExperimentalWarning', main, ...args]
  const child = spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const [status] = (await once(child, 'close')) as [number | null]
  return { status: status ?? -1, said }
}

/**
 * Runs a scenario's text and reads its report. Errors: rejects with all that was said when it could not be run. An exit code of 1
 * or 3 is no error here: a machine that is busy with something else makes a generator late.
 */
export async function loadtest(
  folder: string,
  scenario: string,
  args: readonly string[] = [],
): Promise<Ended & { readonly result: RunResult }> {
  const own = mkdtempSync(join(folder, 'run-'))
  const file = join(own, 'scenario.yml')
  writeFileSync(file, scenario)
  const ended = await runLoadtest([file, '--out', own, ...args])
  if (![0, 1, 3].includes(ended.status)) throw new Error(`it ended with ${ended.status}: ${ended.said}`)
  return { ...ended, result: JSON.parse(readFileSync(join(own, 'report.json'), 'utf8')) as RunResult }
}
