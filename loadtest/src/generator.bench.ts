import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunResult } from './report/result.ts'

const ports = [25_999, 25_997] as const
const here = import.meta.dirname
const noWarnings = '--disable-warning=ExperimentalWarning'
/** On two processes: one may have 20,000 files, and so may a sink. */
const idleUsers = 22_000
const perSecond = 10_000
const connection = `connection: {transport: tcp, mechanism: PLAIN, streamManagement: false}
accounts: {by: existing}
arrivals: even
`
const idle = `users: ${idleUsers}\nsignInRate: 2000\nwarmUp: 2s\nduration: 8s\n${connection}blocks: [idle: {}]\n`
const chat = `users: 500\nsignInRate: 500\nwarmUp: 3s\nduration: 8s\n${connection}blocks: [chat: {rate: ${perSecond}}]\n`

/** What one generator process can do against a server that costs next to nothing: idle users, and messages a second of a core. */
export async function bench(): Promise<
  readonly { readonly name: string; readonly value: number; readonly unit: string }[]
> {
  const folder = mkdtempSync(join(tmpdir(), 'starling-generator-'))
  const sink = join(here, 'testing/sink-server.ts')
  const servers = ports.map((port) =>
    spawn(process.execPath, [noWarnings, sink, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] }),
  )
  try {
    await Promise.all(servers.map(({ stdout }) => once(stdout, 'data')))
    const held = run(folder, idle, ports, 2)
    const talked = run(folder, chat, ports.slice(0, 1), 1)
    // After the sign-ins: what it costs to hold the connections.
    const quiet = held.moments.filter(({ at }) => at > 2)
    const idleCpu = quiet.reduce((sum, { generatorCpu }) => sum + generatorCpu, 0) / Math.max(1, quiet.length)
    const seconds = talked.moments.filter(({ at }) => at > 1 && at < 8)
    const sum = (read: (moment: RunResult['moments'][number]) => number): number =>
      seconds.reduce((all, moment) => all + read(moment), 0)
    const received = sum((moment) => moment.received)
    const cpu = sum(({ generatorCpu }) => generatorCpu)
    return [
      { name: `idle users on two processes, of ${idleUsers}`, value: held.online, unit: 'users' },
      { name: 'generator CPU while they are idle, both processes', value: idleCpu, unit: 'cores' },
      { name: `messages received at ${perSecond}/s`, value: received / seconds.length, unit: 'messages/s' },
      { name: 'generator CPU at that', value: cpu / seconds.length, unit: 'cores' },
      { name: 'messages a core sends and receives', value: received / cpu, unit: 'messages/s' },
      { name: 'p50', value: talked.measures.message?.p50 ?? Number.NaN, unit: 'ms' },
      { name: 'lost', value: talked.reconciled.lost, unit: 'messages' },
    ]
  } finally {
    for (const server of servers) server.kill()
    rmSync(folder, { recursive: true })
  }
}

function run(folder: string, text: string, to: readonly number[], workers: number): RunResult {
  const file = join(folder, 'bench.yml')
  writeFileSync(file, text)
  const args = [
    noWarnings,
    join(here, 'main.ts'),
    file,
    '--target',
    to.map((port) => `127.0.0.1:${port}`).join(','),
    '--workers',
    String(workers),
    '--domain',
    'localhost',
    '--out',
    folder,
  ]
  spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'], timeout: 180_000 })
  return JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as RunResult
}
