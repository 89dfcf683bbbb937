// `npm run cluster`: real Kafka, Redis and PostgreSQL and N pods of each service on this machine (DESIGN §5).
import { join } from 'node:path'
import { modules } from '@starling/modules'
import { loadConfig } from '@starling/runtime'
import { root } from '../run.ts'
import { type ClusterCommand, readCluster, usage } from './command-line.ts'
import { down } from './down.ts'
import { startNamed } from './start.ts'
import { openRunFolder, type RunFolder } from './state.ts'
import { status } from './status.ts'
import { up } from './up.ts'

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  const command = readCluster(args)
  if (!command.ok) return fail(`${command.error}\n\n${usage}`)
  const folder = openRunFolder(join(root, '.run'))
  try {
    return await perform(command.value, folder)
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

async function perform(command: ClusterCommand, folder: RunFolder): Promise<number> {
  switch (command.do) {
    case 'help':
      console.log(usage)
      return 0
    case 'up':
      return bringUp(command, folder)
    case 'down':
      return bringDown(folder)
    case 'start':
      console.log(await startNamed(command.name, folder))
      return 0
    case 'status': {
      const launch = folder.read()
      if (launch === undefined) return fail('no cluster runs: npm run cluster -- up starts one')
      const { lines, isWell } = await status(launch)
      for (const line of lines) console.log(line)
      return isWell ? 0 : 1
    }
    default:
      return command satisfies never
  }
}

async function bringUp(command: Extract<ClusterCommand, { do: 'up' }>, folder: RunFolder): Promise<number> {
  const config = loadConfig(process.env, modules)
  if (!config.ok) return fail(config.error.join('\n'), 2)
  const settings = config.value
  const environment = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      name.startsWith('STARLING_') && value !== undefined ? [[name, value]] : [],
    ),
  )
  const interrupted = (): void => {
    console.error('interrupted: ending what was started')
    void bringDown(folder).finally(() => process.exit(130))
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted)
  try {
    const { pods } = await up(command, { settings, folder, environment, tell: (line) => console.log(line) })
    const clients = pods.flatMap(({ spec: { ports } }) =>
      ports['c2s'] === undefined ? [] : [`127.0.0.1:${ports['c2s']}`],
    )
    console.log(`${pods.length} pods are ready: ${folder.path('cluster.json')} says where, ${folder.path('logs')} has their logs
Clients connect to ${clients.join(', ')}
Create an account:  npm run starling -- account create alice@${settings.domain} secret
End it:             npm run cluster -- down`)
    return 0
  } catch (error) {
    const code = fail(error instanceof Error ? error.message : String(error))
    if (folder.read() !== undefined && !isRunningAlready(error)) await bringDown(folder)
    return code
  }
}

function isRunningAlready(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('a cluster runs already')
}

async function bringDown(folder: RunFolder): Promise<number> {
  const { ended, killed } = await down(folder)
  console.log(ended === 0 ? 'no cluster ran' : `ended ${ended} processes${killed === 0 ? '' : `, ${killed} by force`}`)
  return 0
}

function fail(sentence: string, code = 1): number {
  console.error(sentence)
  return code
}
