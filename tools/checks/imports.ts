import { join } from 'node:path'
import { programs, root, run } from '../run.ts'
import { sourceFiles } from './source-files.ts'

interface Cruise {
  readonly modules: readonly { readonly source: string; readonly dependencies: readonly unknown[] }[]
  readonly summary: {
    readonly violations: readonly {
      readonly from: string
      readonly to: string
      readonly rule: { readonly name: string }
    }[]
  }
}

/** What the checker of imports saw. */
export interface ImportReport {
  /** One line each, with the rule's name. */
  readonly violations: readonly string[]
  readonly files: number
}

const folders = ['packages', 'services', 'tools', 'loadtest'] as const

/**
 * Holds the imports of the tree at `directory` against the layer table of DESIGN §4 (.dependency-cruiser.json).
 * A source file the checker did not see is a violation too: without its parser it sees none, and says all is well.
 */
export async function checkImports(directory: string): Promise<ImportReport> {
  const files = sourceFiles(directory, folders, (name) => name.endsWith('.ts'))
  const there = folders.filter((folder) => files.some((file) => file.startsWith(`${folder}/`)))
  const args = ['--config', join(root, '.dependency-cruiser.json'), '--output-type', 'json', ...there]
  const env = { STARLING_CHECK_DIRECTORY: directory }
  const { output } = await run(
    'sh',
    ['-c', 'cd "$STARLING_CHECK_DIRECTORY" && exec "$@" 2>/dev/null', 'sh', join(programs, 'depcruise'), ...args],
    {
      show: false,
      env,
      timeoutMs: 300_000,
    },
  )
  const cruise: Cruise = JSON.parse(output)
  const seen = new Set(cruise.modules.map(({ source }) => source))
  const unseen = files.filter((file) => !seen.has(file))
  const dependencies = cruise.modules.reduce((sum, module) => sum + module.dependencies.length, 0)
  const violations = cruise.summary.violations.map(({ from, to, rule }) => `${rule.name}: ${from} → ${to}`)
  const blind = unseen.map((file) => `the checker did not see ${file}`)
  if (dependencies === 0) blind.push('the checker saw no import at all: is its parser (@swc/core) there?')
  return { violations: [...violations, ...blind], files: files.length }
}
