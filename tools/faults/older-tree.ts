import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run } from '../run.ts'

/** The source of an earlier commit, ready to run. */
export interface OlderTree {
  readonly directory: string
  readonly remove: () => void
}

/**
 * Lays out the source of a commit in a folder of its own, with this tree's outside packages and its own workspaces.
 * Errors: rejects with git's words where the commit is not there (a shallow clone, or no clone at all).
 */
export async function olderTree(ref: string): Promise<OlderTree> {
  const directory = mkdtempSync(join(tmpdir(), 'starling-older-'))
  const remove = (): void => rmSync(directory, { recursive: true, force: true })
  try {
    const archive = join(directory, 'source.tar')
    const steps: readonly (readonly string[])[] = [
      ['git', '-C', root, 'archive', '--output', archive, ref],
      ['tar', '-xf', archive, '-C', directory],
    ]
    for (const [program = '', ...args] of steps) {
      const { code, output } = await run(program, args, { show: false, timeoutMs: 60_000 })
      if (code !== 0) throw new Error(`the source of ${ref} is not to be had: ${output.trim()}`)
    }
    rmSync(archive)
    linkPackages(directory)
    return { directory, remove }
  } catch (error) {
    remove()
    throw error
  }
}

/** Outside packages are this tree's; those of the workspaces are the older tree's own. */
function linkPackages(directory: string): void {
  const modules = join(directory, 'node_modules')
  mkdirSync(join(modules, '@starling'), { recursive: true })
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== '@starling') symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  for (const folder of ['packages', 'services']) {
    for (const name of readdirSync(join(directory, folder))) {
      const path = join(directory, folder, name)
      const { name: full } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as { readonly name: string }
      symlinkSync(path, join(modules, full))
    }
  }
}
