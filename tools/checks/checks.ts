import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from '../run.ts'
import { tooLongFiles } from './file-size.ts'
import { checkImports } from './imports.ts'

/** One check's verdict. */
export interface CheckResult {
  readonly name: string
  readonly ok: boolean
  /** What to mend; or, when all is well, what was looked at. */
  readonly output: string
}

interface Check {
  readonly name: string
  readonly run: () => Promise<Omit<CheckResult, 'name'>>
}

const program = (name: string, args: readonly string[]): Check['run'] => {
  return async () => {
    const { code, output } = await run(name, args, { show: false, timeoutMs: 600_000 })
    return { ok: code === 0, output }
  }
}

const checks: readonly Check[] = [
  { name: 'biome', run: program('biome', ['ci', '--colors=off']) },
  { name: 'types', run: program('tsc', ['-p', 'tsconfig.json', '--noEmit']) },
  {
    name: 'imports',
    run: async () => {
      const { violations, files } = await checkImports(root)
      return { ok: violations.length === 0, output: [...violations, `${files} files`].join('\n') }
    },
  },
  { name: 'dead code', run: program('knip', ['--no-progress', '--no-config-hints']) },
  {
    name: 'file size',
    run: async () => {
      const tooLong = tooLongFiles(root)
      return { ok: tooLong.length === 0, output: tooLong.join('\n') }
    },
  },
]

const docs: Check = { name: 'docs current', run: program('node', ['tools/docs.ts', '--check']) }

/** Runs every check, one after another, and tells each verdict as it is there. */
export async function runChecks(tell: (result: CheckResult) => void): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = []
  const all = existsSync(join(root, 'tools/docs.ts')) ? [...checks, docs] : checks
  for (const { name, run: check } of all) {
    const result = { name, ...(await check()) }
    results.push(result)
    tell(result)
  }
  return results
}
