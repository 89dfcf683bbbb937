// `npm run starling -- account …`: the admin command, through the gateway's HTTP API of the server on this machine.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { modules } from '@starling/modules'
import { loadConfig } from '@starling/runtime'
import { isAlive } from '../alive.ts'
import { root } from '../run.ts'
import { perform } from './admin-api.ts'
import { readCommand, usage } from './command-line.ts'
import { findServer } from './find-server.ts'

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  const command = readCommand(args)
  if (!command.ok) return fail([command.error, '', usage])
  if (command.value.do === 'help') {
    console.log(usage)
    return 0
  }
  const config = loadConfig(process.env, modules)
  if (!config.ok) return fail(config.error)
  const server = findServer({ settings: config.value, runDir: join(root, '.run'), isAlive })
  if (!server.ok) return fail([server.error])
  const done = await perform(withInput(command.value), server.value)
  if (!done.ok) return fail([done.error])
  for (const line of done.value) console.log(line)
  return 0
}

/** A password `-` is read from standard input, so that no list of processes shows it. */
function withInput<C extends { readonly do: string }>(command: C): C {
  if (!('password' in command) || command.password !== '-') return command
  return { ...command, password: readFileSync(0, 'utf8').replace(/\r?\n$/, '') }
}

function fail(lines: readonly string[]): number {
  for (const line of lines) console.error(line)
  return 1
}
