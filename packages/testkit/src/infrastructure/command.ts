import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'

/** What a finished command said. */
export interface CommandResult {
  readonly code: number
  readonly output: string
}

/** How a command is run. */
export interface CommandOptions {
  readonly timeoutMs?: number
  readonly uid?: number
  readonly gid?: number
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a program to its end and gives its exit code (-1: not found, killed or too late) and what it printed. */
export function tryCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { timeoutMs, env, ...rest } = options
  const settings = { ...rest, timeout: timeoutMs ?? 0, maxBuffer: 16 << 20, env: { ...process.env, ...env } }
  return new Promise((resolve) => {
    execFile(program, [...args], settings, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, output: `${stdout}${stderr}${code === -1 ? (error?.message ?? '') : ''}` })
    })
  })
}

/**
 * Runs a program that must succeed.
 * Errors: throws with what it printed when its exit code is not 0.
 */
export async function command(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, output } = await tryCommand(program, args, options)
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${output.slice(-4000)}`)
  return output
}

/** The full path of a program in `folders`, then PATH. */
export async function findProgram(name: string, folders: readonly string[] = []): Promise<string | undefined> {
  for (const folder of [
    ...folders,
    ...(process.env['PATH'] ?? '').split(':'),
    '/usr/bin',
    '/usr/local/bin',
    '/usr/sbin',
  ]) {
    if (folder === '') continue
    const path = join(folder, name)
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return path
  }
  return undefined
}
