import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeFolders, sourceFiles } from './source-files.ts'

/** Lines a file may have (STYLE 14). */
export const maxLines = 400

/** Files that may be longer: generated ones and tables, by the end of their name. */
const exempt = [/\.generated\.ts$/, /-table\.ts$/]

/** Whether a file of so many lines is refused. */
export function isTooLong(path: string, lines: number): boolean {
  return lines > maxLines && !exempt.some((pattern) => pattern.test(path))
}

/** Lines of a text; a last line need not end in a newline. */
export function countLines(text: string): number {
  if (text === '') return 0
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
}

/** Names every source file that is too long. */
export function tooLongFiles(root: string): readonly string[] {
  return sourceFiles(root, codeFolders, (name) => /\.(ts|mjs)$/.test(name)).flatMap((path) => {
    const lines = countLines(readFileSync(join(root, path), 'utf8'))
    return isTooLong(path, lines) ? [`${path}: ${lines} lines, ${maxLines} allowed (STYLE 14)`] : []
  })
}
