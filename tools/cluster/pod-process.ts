import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { birthOf, isAlive } from '../alive.ts'
import { root } from '../run.ts'
import type { PodSpec } from './state.ts'

/** Time a pod has to become ready. Units: ms. */
const readyTimeoutMs = 90_000
const lookMs = 150

/** A pod's process, which outlives this one. */
export interface Started {
  readonly spec: PodSpec
  readonly pid: number
  readonly birth: string
}

/** Starts a pod's process; its output goes to its log. */
export function startPod(spec: PodSpec): Started {
  const log = openSync(spec.log, 'a')
  // As the image and `npm start` do
  const options = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=32']
  const node = [process.execPath, ...options, spec.script]
  // `ip` turns into what it starts: the id is the pod's
  const [program = '', ...args] = spec.namespace === undefined ? node : ['ip', 'netns', 'exec', spec.namespace, ...node]
  const child = spawn(program, args, {
    cwd: spec.tree ?? root,
    env: { ...inherited(), ...spec.environment },
    stdio: ['ignore', log, log],
    detached: true,
  })
  closeSync(log)
  child.on('error', () => undefined) // it has no pid then
  child.unref()
  const pid = child.pid ?? -1
  return { spec, pid, birth: birthOf(pid) }
}

/** Waits until pods say that they are ready. Errors: rejects with the end of the log of one that ends or stays unready. */
export async function untilReady(pods: readonly Started[]): Promise<void> {
  await Promise.all(
    pods.map(async (pod) => {
      if (await becomesReady(pod, readyTimeoutMs)) return
      throw new Error(`${pod.spec.name} is not ready after ${readyTimeoutMs} ms; ${endOfLog(pod.spec)}`)
    }),
  )
}

/** Whether a pod says that it is ready in time. Errors: rejects with the end of its log when it ends. */
export async function becomesReady({ spec, pid }: Started, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs
  while (performance.now() < end) {
    if (!isAlive(pid)) throw new Error(`${spec.name} ended; ${endOfLog(spec)}`)
    if (await isReady(spec, pid)) return true
    await sleep(lookMs)
  }
  return false
}

/** Whether a pod says that it is ready; with `pid`, that process and no other on its port. */
export async function isReady(spec: Pick<PodSpec, 'ports'>, pid?: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${spec.ports['http']}/readyz`, {
      signal: AbortSignal.timeout(2_000),
    })
    const answer = (await response.json()) as { readonly pid?: unknown }
    return response.ok && (pid === undefined || answer.pid === pid)
  } catch {
    return false
  }
}

/** This process's environment without settings: a pod's are in its spec. */
function inherited(): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('STARLING_')))
}

function endOfLog({ log }: PodSpec): string {
  return `its log ${log} ends:\n${readFileSync(log, 'utf8').slice(-3_000)}`
}
