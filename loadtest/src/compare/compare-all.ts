import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from '../command-line.ts'
import { exitCodes } from '../report/result.ts'
import { allTable } from './all-table.ts'
import type { PieceFile } from './piece.ts'
import { pieces } from './pieces.ts'

type CompareAll = Extract<Command, { readonly do: 'compareAll' }>

const main = join(import.meta.dirname, '../main.ts')

/**
 * Measures every piece on every target, several rounds, each piece in a process of its own (behind a command, if one is named), and
 * prints the table of all that the folder holds. Order: the targets of one piece follow each other, so that the machine is in the
 * same mood for all of them.
 */
export function runCompareAll({ targets, rounds, pieces: names, each, folder }: CompareAll): number {
  const chosen = names.length === 0 ? pieces.map(({ name }) => name) : names
  const failed: string[] = []
  for (let round = 0; round < rounds; round++) {
    for (const piece of chosen) {
      for (const target of round % 2 === 0 ? targets : [...targets].reverse()) {
        process.stderr.write(`round ${round + 1} of ${rounds}: ${piece} on ${target}\n`)
        const own = [
          process.execPath,
          '--disable-warning=ExperimentalWarning',
          main,
          'piece',
          piece,
          target,
          '--out',
          folder,
        ]
        const [program = '', ...args] = [...each, ...own]
        const { status } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
        if (status !== 0) failed.push(`${piece} on ${target} (round ${round + 1}) ended with ${status}`)
      }
    }
  }
  for (const line of allTable(readPieces(folder), targets)) console.log(line)
  for (const line of failed) console.log(line)
  return failed.length === 0 ? exitCodes.passed : exitCodes.broken
}

function readPieces(folder: string): readonly PieceFile[] {
  if (!existsSync(folder)) return []
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
  return files.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as PieceFile)
}
