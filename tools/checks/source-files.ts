import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'

const skipped = new Set(['node_modules', '.git', '.cache', '.turbo', '.run', 'data', 'fixtures'])

/** Files of the named folders whose name passes. Shape: paths relative to `root`, sorted, with forward slashes. */
export function sourceFiles(
  root: string,
  folders: readonly string[],
  matches: (name: string) => boolean,
): readonly string[] {
  const found: string[] = []
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) {
        if (!skipped.has(entry.name)) walk(path)
      } else if (entry.isFile() && matches(entry.name)) found.push(relative(root, path).replaceAll('\\', '/'))
    }
  }
  for (const folder of folders) {
    try {
      walk(join(root, folder))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    }
  }
  return found.sort()
}

/** Folders that hold the project's TypeScript. */
export const codeFolders = ['packages', 'services', 'tools', 'loadtest'] as const
