import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PodKill } from '../scenario/scenario.ts'
import type { Target } from './target.ts'

const root = join(import.meta.dirname, '../../..')

/** Kills at the scenario's pace and says so; returns how to end it. Errors: throws a sentence when the target has no pods to kill. */
export function startKills(
  kill: PodKill | undefined,
  target: Pick<Target, 'name' | 'killPod'>,
  say: (line: string) => void,
): () => void {
  if (kill === undefined) return () => {}
  const { killPod } = target
  if (killPod === undefined && kill.command === '') {
    throw new Error(`podKill: ${target.name} has no pods to kill: use --target cluster, or say podKill.command`)
  }
  const timer = setInterval(() => {
    if (kill.command === '' && killPod !== undefined) say(killPod(kill.service, kill.restartAfterMs))
    else {
      say(kill.command)
      run('sh', ['-c', kill.command], say)
    }
  }, kill.everyMs)
  return () => clearInterval(timer)
}

/** Kills one pod of `npm run cluster` by chance, and brings it back under its name. Units: ms. */
export function killPod(runDir: string, service: string, restartAfterMs: number): string {
  const { pods } = JSON.parse(readFileSync(join(runDir, 'cluster.json'), 'utf8')) as {
    readonly pods: readonly { readonly name: string; readonly service: string; readonly pid: number }[]
  }
  const some = pods.filter((pod) => pod.service === service)
  const pod = some[randomInt(Math.max(1, some.length))]
  if (pod === undefined) return `no pod of ${service} runs`
  try {
    process.kill(pod.pid, 'SIGKILL')
  } catch {
    return `${pod.name} is dead already`
  }
  const again = (): void => {
    run(process.execPath, ['tools/bootstrap.mjs', 'tools/cluster/main.ts', 'start', pod.name], () => {})
  }
  setTimeout(again, restartAfterMs)
  return `killed ${pod.name}`
}

function run(program: string, args: readonly string[], say: (line: string) => void): void {
  const child = spawn(program, [...args], { cwd: root, stdio: 'ignore' })
  child.on('error', (error) => say(`${program}: ${error.message}`))
  child.on('exit', (code) => {
    if (code !== 0) say(`${program} ${args.join(' ')} ended with ${code}`)
  })
}
