import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunResult } from './report/result.ts'

const port = 25_999
const here = import.meta.dirname
const noWarnings = '--disable-warning=ExperimentalWarning'
/** Below 20,000 files a process. */
const idleUsers = 19_000
const perSecond = 10_000
const connection = `connection: {transport: tcp, mechanism: PLAIN, streamManagement: false}
accounts: {by: existing}
arrivals: even
`
const idle = `users: ${idleUsers}\nsignInRate: 2000\nwarmUp: 1s\nduration: 5s\n${connection}blocks: [idle: {}]\n`
const chat = `users: 500\nsignInRate: 500\nwarmUp: 3s\nduration: 8s\n${connection}blocks: [chat: {rate: ${perSecond}}]\n`

/** What one generator process can do against a server that costs next to nothing: idle users, and messages a second of a core. */
export async function bench(): Promise<
  readonly { readonly name: string; readonly value: number; readonly unit: string }[]
> {
  const folder = mkdtempSync(join(tmpdir(), 'starling-generator-'))
  const sink = [noWarnings, join(here, 'testing/sink-server.ts'), String(port)]
  const server = spawn(process.execPath, sink, { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await once(server.stdout, 'data')
    const held = run(folder, idle)
    const talked = run(folder, chat)
    const seconds = talked.moments.filter(({ at }) => at > 1 && at < 8)
    const sum = (read: (moment: RunResult['moments'][number]) => number): number =>
      seconds.reduce((all, moment) => all + read(moment), 0)
    const received = sum((moment) => moment.received)
    const cpu = sum(({ generatorCpu }) => generatorCpu)
    return [
      { name: `idle users on one process, of ${idleUsers}`, value: held.online, unit: 'users' },
      { name: `messages received at ${perSecond}/s`, value: received / seconds.length, unit: 'messages/s' },
      { name: 'generator CPU at that', value: cpu / seconds.length, unit: 'cores' },
      { name: 'messages a core sends and receives', value: received / cpu, unit: 'messages/s' },
      { name: 'p50', value: talked.measures.message?.p50 ?? Number.NaN, unit: 'ms' },
      { name: 'lost', value: talked.reconciled.lost, unit: 'messages' },
    ]
  } finally {
    server.kill()
    rmSync(folder, { recursive: true })
  }
}

function run(folder: string, text: string): RunResult {
  const file = join(folder, 'bench.yml')
  writeFileSync(file, text)
  const args = [
    noWarnings,
    join(here, 'main.ts'),
    file,
    '--target',
    `127.0.0.1:${port}`,
    '--domain',
    'localhost',
    '--out',
    folder,
  ]
  spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'], timeout: 180_000 })
  return JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as RunResult
}
