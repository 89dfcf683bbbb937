import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from '../command-line.ts'
import { loadScenario, startRun, writeReports } from '../coordinator/start.ts'
import { hidePassword } from '../report/html.ts'
import { exitCodes, type RunResult } from '../report/result.ts'
import { writeNumber } from '../scenario/quantities.ts'
import { type Ratio, ratios, type Spread } from './ratios.ts'

type Compare = Extract<Command, { readonly do: 'compare' }>

/** Runs a scenario on two targets in turn, who begins changing with each round, and prints ratios. */
export async function runCompare({ file, targets, rounds, options }: Compare, runDir: string): Promise<number> {
  const scenario = loadScenario(file, options)
  const folder =
    options.out ??
    join(runDir, 'loadtest', `compare-${scenario.name}-${new Date().toISOString().replace(/[:.]/g, '-')}`)
  const results: readonly [RunResult[], RunResult[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    // What warms up or wears out over time must not always meet the same one.
    for (const side of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const target = targets[side]
      process.stderr.write(`round ${round + 1} of ${rounds}: ${target}\n`)
      const result = await startRun(scenario, { ...options, target }, runDir)
      results[side].push(result)
      writeReports(result, join(folder, `${round + 1}-${side === 0 ? 'a' : 'b'}`))
    }
  }
  const table = ratios(...results)
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, 'compare.json'),
    `${JSON.stringify({ scenario, targets, rounds, ratios: table }, hidePassword, 2)}\n`,
  )
  for (const line of tableLines(table, targets)) console.log(line)
  const verdicts = results.flat().map(({ verdict }) => verdict)
  console.log(`${rounds} rounds, median (least–greatest); ${join(folder, 'compare.json')}`)
  if (!verdicts.includes('invalid')) return exitCodes.passed
  console.log('INVALID: in some rounds the generator was the limit')
  return exitCodes.invalid
}

/** The comparison as a table in Markdown. */
export function tableLines(table: readonly Ratio[], [a, b]: readonly [string, string]): readonly string[] {
  const rows = table.map(({ figure, unit, a: ofA, b: ofB, ratio }) => {
    return `| ${figure}, ${unit} | ${cell(ofA)} | ${cell(ofB)} | ${ratio === undefined ? '–' : ratio.toFixed(2)} |`
  })
  return [`| | ${a} | ${b} | ${b} : ${a} |`, '|---|---|---|---|', ...rows]
}

function cell(spread: Spread | undefined): string {
  if (spread === undefined) return '–'
  const { median, least, greatest } = spread
  return least === greatest
    ? writeNumber(median)
    : `${writeNumber(median)} (${writeNumber(least)}–${writeNumber(greatest)})`
}
