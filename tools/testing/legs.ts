import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startInfrastructure } from '../../packages/testkit/src/testkit.ts'
import { runChecks } from '../checks/checks.ts'
import { codeFolders, sourceFiles } from '../checks/source-files.ts'
import { root, run } from '../run.ts'
import type { LegName } from './command-line.ts'
import { addTotals, noTotals, readTotals, type Totals } from './totals.ts'

/** How one part of `npm test` ended. */
export interface LegResult {
  readonly leg: LegName
  readonly ok: boolean
  readonly totals: Totals
}

const unitTimeoutMs = 20 * 60_000
/** Units: ms for all files on real servers, and for one of them. */
const clusterTimeoutMs = 45 * 60_000
const clusterFileTimeoutMs = 12 * 60_000
const oneTestTimeout = '--test-timeout=600000'

/** Runs one part, printing as it goes; never rejects. */
export async function runLeg(leg: LegName, filters: readonly string[]): Promise<LegResult> {
  switch (leg) {
    case 'check':
      return checkLeg()
    case 'unit':
      return unitLeg(filters)
    case 'cluster':
      return clusterLeg(filters)
    default:
      return leg satisfies never
  }
}

async function checkLeg(): Promise<LegResult> {
  const results = await runChecks(({ name, ok, output }) => {
    console.log(`${ok ? '✔' : '✖'} ${name}`)
    if (!ok) console.log(output.trimEnd())
  })
  const passed = results.filter(({ ok }) => ok).length
  const failed = results.length - passed
  return { leg: 'check', ok: failed === 0, totals: { tests: results.length, passed, failed, skipped: 0 } }
}

const isTest = (name: string): boolean => /\.test\.(ts|mjs)$/.test(name)
const isClusterTest = (name: string): boolean => name.endsWith('.cluster.test.ts')
const isUnitTest = (name: string): boolean => isTest(name) && !isClusterTest(name)

/** Pure tests of packages share one process; those of services and tools get one each. */
async function unitLeg(filters: readonly string[]): Promise<LegResult> {
  const files = chosen(isUnitTest, filters)
  if (files.length === 0) return nothing('unit', filters)
  if (filters.length === 0) {
    const env = { TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', TURBO_UI: 'false' }
    const turbo = [
      'run',
      'test',
      '--concurrency=2',
      '--continue',
      '--log-order=grouped',
      '--output-logs=full',
      '--no-update-notifier',
    ]
    const packages = await run('turbo', turbo, { show: true, env, timeoutMs: unitTimeoutMs })
    const others = await runFiles(
      files.filter((file) => !/^(packages|services)\//.test(file)),
      [],
      {},
    )
    return verdict('unit', [packages, others])
  }
  const shared = await runFiles(
    files.filter((file) => file.startsWith('packages/')),
    ['--test-isolation=none'],
    {},
  )
  const isolated = await runFiles(
    files.filter((file) => !file.startsWith('packages/')),
    [],
    {},
  )
  return verdict('unit', [shared, isolated])
}

/** Real servers, started once and shared; each file gets a process of its own. */
async function clusterLeg(filters: readonly string[]): Promise<LegResult> {
  const files = chosen(isClusterTest, filters)
  if (files.length === 0) return nothing('cluster', filters)
  const directory = join(root, '.run', `test-${process.pid}`)
  console.log('starting Apache Kafka, Redis and PostgreSQL')
  const started = await startInfrastructure({ directory, kafka: { brokers: 1 }, redis: true, postgres: true }).catch(
    (error: unknown) => {
      console.log(`✖ the infrastructure does not start:\n${error instanceof Error ? error.message : String(error)}`)
      return undefined
    },
  )
  if (started === undefined) return { leg: 'cluster', ok: false, totals: { ...noTotals, tests: 1, failed: 1 } }
  try {
    const { kafka, redis, postgres } = started.urls
    const env = { STARLING_TEST_KAFKA: kafka, STARLING_TEST_REDIS: redis, STARLING_TEST_POSTGRES: postgres }
    console.log(`Kafka ${kafka}, Redis ${redis}, PostgreSQL ${postgres}`)
    return verdict('cluster', await runEach(files, env))
  } finally {
    await started.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

/** One file after another, so that one that hangs is named, and costs the others nothing. */
async function runEach(
  files: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<readonly { readonly code: number; readonly output: string }[]> {
  const deadline = performance.now() + clusterTimeoutMs
  const runs: { readonly code: number; readonly output: string }[] = []
  for (const file of files) {
    const timeoutMs = Math.max(1, Math.min(clusterFileTimeoutMs, deadline - performance.now()))
    // a client library that leaves a connection behind keeps a process whose tests have all ended
    const result = await runFiles([file], ['--test-force-exit'], env, timeoutMs)
    if (result.code !== 0) console.log(`✖ ${file} ended with ${result.code}`)
    runs.push(result)
  }
  return runs
}

function chosen(matches: (name: string) => boolean, filters: readonly string[]): readonly string[] {
  const files = sourceFiles(root, codeFolders, matches)
  return filters.length === 0 ? files : files.filter((file) => filters.some((filter) => file.includes(filter)))
}

async function runFiles(
  files: readonly string[],
  options: readonly string[],
  env: Readonly<Record<string, string>>,
  timeoutMs: number = unitTimeoutMs,
): Promise<{ readonly code: number; readonly output: string }> {
  if (files.length === 0) return { code: 0, output: '' }
  const node = ['--disable-warning=ExperimentalWarning', '--test', '--test-reporter=spec', oneTestTimeout, ...options]
  return run(process.execPath, [...node, ...files], { show: true, env, timeoutMs })
}

/** A filter may well pass over a leg; a whole leg without a test is a fault. */
function nothing(leg: LegName, filters: readonly string[]): LegResult {
  const ok = filters.length > 0
  console.log(ok ? 'no file here matches' : '✖ this leg has no test')
  return { leg, ok, totals: ok ? noTotals : { ...noTotals, failed: 1 } }
}

function verdict(leg: LegName, runs: readonly { readonly code: number; readonly output: string }[]): LegResult {
  const counted = runs.map(({ output }) => readTotals(output)).reduce(addTotals, noTotals)
  const ok = runs.every(({ code }) => code === 0) && counted.failed === 0
  // A run that ended badly without counting a failure (it crashed, or was killed) is one.
  const totals = ok || counted.failed > 0 ? counted : { ...counted, failed: 1 }
  return { leg, ok, totals }
}
