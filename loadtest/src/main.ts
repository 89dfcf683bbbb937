// `npm run loadtest -- …`: see src/command-line.ts.
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoint } from './client/link.ts'
import { type Command, readCommandLine, usage } from './command-line.ts'
import { runCompare } from './compare/compare.ts'
import { runCompareAll } from './compare/compare-all.ts'
import { runPiece } from './compare/piece.ts'
import { loadScenario, startRun, UsageError, writeReports } from './coordinator/start.ts'
import { readEndpoints } from './coordinator/target.ts'
import { exitCodes } from './report/result.ts'
import { summaryLines } from './report/summary.ts'
import { manageTarget } from './targets/targets.ts'
import { lineChannel } from './worker/line-channel.ts'
import type { Order, Report } from './worker/messages.ts'
import { runWorker } from './worker/worker.ts'

const runDir = join(import.meta.dirname, '../../.run')

/** Pods of one Job begin in any order. Units: ms. */
const coordinatorPatienceMs = 60_000

const read = readCommandLine(process.argv.slice(2))
if (read.ok) {
  try {
    process.exitCode = await perform(read.value)
  } catch (error) {
    process.exitCode = error instanceof UsageError ? exitCodes.usage : exitCodes.broken
    console.error(error instanceof Error ? error.message : error)
  }
} else {
  console.error(`${read.error}\n\n${usage}`)
  process.exitCode = exitCodes.usage
}

async function perform(command: Command): Promise<number> {
  switch (command.do) {
    case 'help':
      console.log(usage)
      return 0
    case 'check':
      console.log(JSON.stringify(loadScenario(command.file, { users: undefined, durationMs: undefined }), undefined, 2))
      return 0
    case 'run': {
      const { file, options } = command
      const result = await startRun(loadScenario(file, options), options, runDir)
      const stamp = result.startedAt.replace(/[:.]/g, '-')
      const folder = writeReports(result, options.out ?? join(runDir, 'loadtest', `${result.name}-${stamp}`))
      for (const line of summaryLines(result)) console.log(line)
      console.log(`${result.verdict}; ${join(folder, 'report.html')}`)
      return exitCodes[result.verdict]
    }
    case 'compare':
      return runCompare(command, runDir)
    case 'compareAll':
      return runCompareAll(command)
    case 'piece': {
      const { name, target, options } = command
      const folder = options.out ?? join(runDir, 'loadtest', 'compare-all')
      const file = await runPiece(name, target, { folder, runDir, options })
      console.log(JSON.stringify(file.figures))
      return exitCodes.passed
    }
    case 'target':
      for (const line of await manageTarget(command.name, command.verb, runDir)) console.log(line)
      return 0
    case 'work':
      return work(command.coordinator)
    default:
      return command satisfies never
  }
}

async function reach(endpoint: Endpoint, patienceMs: number): Promise<Socket> {
  const until = performance.now() + patienceMs
  for (;;) {
    const socket = createConnection(endpoint)
    const fault = await new Promise<string | undefined>((resolve) => {
      socket.once('connect', () => resolve(undefined))
      socket.once('error', (error) => resolve(error.message))
    })
    if (fault === undefined) return socket
    if (performance.now() > until) throw new Error(`no coordinator at ${endpoint.host}:${endpoint.port}: ${fault}`)
    await sleep(500)
  }
}

/** A worker of another machine or pod: lives as long as its coordinator's connection. */
async function work(coordinator: string): Promise<number> {
  const endpoint = readEndpoints(coordinator, 'tcp')?.[0]
  if (endpoint === undefined) throw new UsageError(`${coordinator} is not HOST:PORT`)
  const socket = await reach(endpoint, coordinatorPatienceMs)
  runWorker(lineChannel<Report, Order>(socket))
  await new Promise((resolve) => socket.once('close', resolve))
  process.exit(0)
}
