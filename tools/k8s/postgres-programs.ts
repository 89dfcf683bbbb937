import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../run.ts'

/** A program of PostgreSQL, of the newest version that is installed, or of PATH. */
function program(name: string): string {
  const base = '/usr/lib/postgresql'
  try {
    const [newest = ''] = readdirSync(base).sort((one, other) => Number(other) - Number(one))
    return join(base, newest, 'bin', name)
  } catch {
    return name
  }
}

/** Runs a program of PostgreSQL. Errors: fails with what it printed when it does not end with 0. */
export async function runPostgres(name: string, args: readonly string[]): Promise<void> {
  const { code, output } = await run(program(name), args, { show: false, timeoutMs: 120_000 })
  assert.equal(code, 0, `${name}: ${output}`)
}
