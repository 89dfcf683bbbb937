import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import type { RunOptions } from '../command-line.ts'
import { runningCluster } from '../coordinator/cluster-file.ts'
import { unlimited } from '../coordinator/embedded.ts'
import { findTarget, peers } from '../coordinator/find-target.ts'
import { runOn } from '../coordinator/start.ts'
import type { Target } from '../coordinator/target.ts'
import type { RunResult } from '../report/result.ts'
import { readScenario } from '../scenario/read-scenario.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { manageTarget } from '../targets/targets.ts'
import { findHighest } from './highest.ts'
import { type Figures, type Piece, pieces, wholeScenario } from './pieces.ts'

const root = join(import.meta.dirname, '../../..')
/** A rate goes well when nothing is lost or late: this latency, and this share of what should have come. Units: ms. */
const wellP99Ms = 200
const wellShare = 0.97

/** What a piece found on a target: one JSON file. */
export interface PieceFile {
  readonly piece: string
  readonly target: string
  readonly at: string
  readonly load: number
  readonly figures: Figures
  /** Messages of all runs, and what was wrong with them. */
  readonly sent: number
  readonly wrong: number
  /** Runs of which the generator was the limit. */
  readonly invalid: number
  readonly runs: number
}

/** Starts a target, measures one piece on it, stops it; writes a file into `folder`. Errors: rejects with a sentence. */
export async function runPiece(
  name: string,
  target: string,
  where: { readonly folder: string; readonly runDir: string; readonly options: RunOptions },
): Promise<PieceFile> {
  const piece = pieces.find((one) => one.name === name)
  if (piece === undefined) throw new Error(`there is no piece ${name}: ${pieces.map((one) => one.name).join(', ')}`)
  const { folder, runDir, options } = where
  const stop = await start(target, runDir)
  try {
    const found = await findTarget({ ...options, target, runDir }, piece.transport)
    try {
      await prepare(found, piece, where)
      const file = await measure(found, piece, options)
      mkdirSync(folder, { recursive: true })
      const stamp = file.at.replace(/[:.]/g, '-')
      writeFileSync(join(folder, `${target}.${name}.${stamp}.json`), `${JSON.stringify(file, undefined, 2)}\n`)
      return file
    } finally {
      await found.stop()
    }
  } finally {
    await stop()
  }
}

async function measure(target: Target, piece: Piece, options: RunOptions): Promise<PieceFile> {
  const at = new Date().toISOString()
  const load = loadavg()[0] ?? 0
  const results: RunResult[] = []
  let figures: Figures = {}
  const run = async (text: string): Promise<RunResult> => {
    const result = await runOn(target, scenarioOf(piece, text), options)
    results.push(result)
    return result
  }
  if (piece.rates === undefined) {
    for (const { scenario, read } of piece.runs) figures = { ...figures, ...read(await run(scenario)) }
  } else {
    for (const { scenario } of piece.runs.slice(0, -1)) await run(scenario)
    const text = piece.runs.at(-1)?.scenario ?? ''
    const { highest } = await findHighest(piece.rates, async (rate) => {
      const result = await run(text.replace('RATE', String(rate)))
      const isWell = goesWell(result, rate)
      process.stderr.write(
        `${rate}/s: p99 ${result.measures.message?.p99.toFixed(0)} ms, received ${result.receivedPerSecond.toFixed(0)}/s, lost ${result.reconciled.lost}: ${isWell ? 'well' : 'not well'}\n`,
      )
      return isWell
    })
    figures = { [piece.name]: highest }
  }
  // Of the search for the highest rate, rates that are too high are no fault.
  const sound = piece.rates === undefined ? results : []
  const wrong = sound.reduce((sum, { reconciled: r }) => sum + r.lost + r.duplicated + r.reordered + r.bounced, 0)
  const sent = sound.reduce((sum, { reconciled }) => sum + reconciled.sent, 0)
  const invalid = results.filter(({ verdict }) => verdict === 'invalid').length
  return { piece: piece.name, target: target.name, at, load, figures, sent, wrong, invalid, runs: results.length }
}

/** Nothing wrong, in time, and all of it. */
function goesWell({ reconciled, measures, receivedPerSecond }: RunResult, rate: number): boolean {
  const { lost, duplicated, reordered, bounced } = reconciled
  const p99 = measures.message?.p99 ?? Number.POSITIVE_INFINITY
  return lost + duplicated + reordered + bounced === 0 && p99 <= wellP99Ms && receivedPerSecond >= rate * wellShare
}

function scenarioOf(piece: Piece, text: string): Scenario {
  const read = readScenario(wholeScenario(piece, text), `${piece.name}.yml`)
  if (!read.ok) throw new Error(read.errors.join('\n'))
  return read.value
}

/** Accounts are made beforehand, so that no run pays for them; a peer keeps its own from one piece to the next. */
async function prepare(
  target: Target,
  piece: Piece,
  { runDir, options }: { readonly runDir: string; readonly options: RunOptions },
): Promise<void> {
  const isPeer = (peers as readonly string[]).includes(target.name)
  const marker = join(runDir, 'targets', target.name, 'load-accounts')
  if (isPeer && existsSync(marker) && Number(readFileSync(marker, 'utf8')) >= piece.users) return
  const by = isPeer ? 'register' : 'api'
  const text = `name: accounts\nusers: ${piece.users}\nsignInRate: 100\nwarmUp: 1s\nduration: 1s\nblocks: [idle: {}]\naccounts: {by: ${by}}\nconnection: {transport: ${piece.transport}, mechanism: SCRAM-SHA-1, streamManagement: false}\n`
  const read = readScenario(isPeer ? text : text.replace(/users: \d+/, 'users: 2'), 'accounts.yml')
  if (!read.ok) throw new Error(read.errors.join('\n'))
  const result = await runOn(target, read.value, options, isPeer ? undefined : piece.users)
  if (result.online < result.users) throw new Error(`only ${result.online} of ${result.users} accounts could be made`)
  if (isPeer) writeFileSync(marker, String(piece.users))
}

/** Brings a target up that does not start by itself; returns how to take it down. */
async function start(target: string, runDir: string): Promise<() => Promise<void>> {
  if ((peers as readonly string[]).includes(target)) {
    await manageTarget(target, 'up', runDir)
    return async () => void (await manageTarget(target, 'down', runDir))
  }
  if (target !== 'cluster' || runningCluster(runDir) !== undefined) return async () => {}
  const one = ['connection-manager', 'session', 'routing', 'storage', 'gateway'].flatMap((name) => [`--${name}`, '1'])
  cluster(['up', ...one, '--fresh'])
  return async () => cluster(['down'])
}

function cluster(args: readonly string[]): void {
  const env = { ...unlimited, STARLING_C2S_REQUIRE_TLS: 'false', ...process.env }
  const command = ['tools/bootstrap.mjs', 'tools/cluster/main.ts', ...args]
  execFileSync(process.execPath, command, { cwd: root, env, stdio: ['ignore', 2, 2] })
}
