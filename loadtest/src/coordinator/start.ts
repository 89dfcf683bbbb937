import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunOptions } from '../command-line.ts'
import { countUsers } from '../plan/plan.ts'
import { hidePassword, htmlReport } from '../report/html.ts'
import type { RunResult } from '../report/result.ts'
import { readScenario } from '../scenario/read-scenario.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { findTarget } from './find-target.ts'
import { serveMetrics } from './metrics.ts'
import { checkNeeds, checkReach, lookAtMachine } from './preflight.ts'
import { progressWriter } from './progress.ts'
import { awaitWorkers } from './remote-workers.ts'
import { runScenario } from './run.ts'
import type { Target } from './target.ts'
import { forkWorker } from './workers.ts'

/** A fault of the command or the scenario, rather than of the run. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const progressEverySeconds = 5

/** Reads a scenario's file and lets the command line have its say. Errors: UsageError with every fault. */
export function loadScenario(file: string, options: Pick<RunOptions, 'users' | 'durationMs'>): Scenario {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`)
  }
  const read = readScenario(text, file)
  if (!read.ok) throw new UsageError(read.errors.join('\n'))
  const { users, durationMs } = options
  const groups = read.value.groups.map((size, i) => (i === 0 && users !== undefined ? users + (users % 2) : size))
  return { ...read.value, groups, durationMs: durationMs ?? read.value.durationMs }
}

/** Runs a scenario on the target the options name, which is started and stopped if it is ours. Errors: rejects with a sentence. */
export async function startRun(scenario: Scenario, options: RunOptions, runDir: string): Promise<RunResult> {
  const target = await findTarget({ ...options, runDir }, scenario.connection.transport)
  try {
    return await runOn(target, scenario, options)
  } finally {
    await target.stop()
  }
}

/**
 * Runs a scenario on a target that is there; `accounts` makes more accounts than the scenario has users.
 * Errors: rejects with a sentence.
 */
export async function runOn(
  target: Target,
  scenario: Scenario,
  options: RunOptions,
  accounts?: number,
): Promise<RunResult> {
  const abort = new AbortController()
  const interrupt = (): void => abort.abort()
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  const { transport, sourceAddresses } = scenario.connection
  const progress = progressWriter(process.stderr, progressEverySeconds)
  try {
    const workers = options.listen === undefined ? (options.workers ?? 1) : options.expect
    const users = countUsers(scenario.groups)
    const socketsEach = transport === 'bosh' ? 2 : 1
    const needs = { users, socketsEach, workers, sourceAddresses, endpoints: target.endpoints }
    const faults = [
      ...(options.listen === undefined ? checkNeeds(needs, lookAtMachine()) : []),
      ...(await checkReach(needs, { domain: target.domain, transport })),
    ]
    if (faults.length > 0) throw new Error(faults.join('\n'))
    const metrics = options.metricsPort === undefined ? undefined : await serveMetrics(options.metricsPort)
    try {
      const channels =
        options.listen === undefined
          ? Array.from({ length: workers }, forkWorker)
          : await awaitWorkers(options.listen, options.expect, abort.signal)
      const say = (line: string): void => {
        progress.end()
        process.stderr.write(`${line}\n`)
      }
      const { signal } = abort
      return await runScenario(scenario, { target, channels, metrics, accounts, show: progress.show, say, signal })
    } finally {
      metrics?.close()
    }
  } finally {
    progress.end()
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}

/** Writes both reports; returns the folder. */
export function writeReports(result: RunResult, folder: string): string {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'report.html'), htmlReport(result))
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(result, hidePassword, 2)}\n`)
  return folder
}
