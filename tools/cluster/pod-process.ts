import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
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
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', spec.script], {
    cwd: root,
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

/** Waits until pods say that they are ready. Errors: rejects with the end of the log of the first that ends or stays unready. */
export async function untilReady(pods: readonly Started[]): Promise<void> {
  await Promise.all(
    pods.map(async ({ spec, pid }) => {
      const from = sizeOf(spec.log)
      for (let waited = 0; waited < readyTimeoutMs; waited += lookMs) {
        if (!isAlive(pid)) throw new Error(`${spec.name} ended; its log ${spec.log} ends:\n${tailOf(spec.log, from)}`)
        if (await isReady(spec)) return
        await sleep(lookMs)
      }
      throw new Error(
        `${spec.name} is not ready after ${readyTimeoutMs} ms; its log ${spec.log} ends:\n${tailOf(spec.log, from)}`,
      )
    }),
  )
}

/** Whether a pod says that it is ready. */
export async function isReady(spec: Pick<PodSpec, 'ports'>): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${spec.ports['http']}/readyz`, {
      signal: AbortSignal.timeout(2_000),
    })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}

/** This process's environment without settings: a pod's are in its spec. */
function inherited(): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('STARLING_')))
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

function tailOf(file: string, from: number): string {
  return readFileSync(file)
    .subarray(Math.max(from - 3_000, 0))
    .toString('utf8')
    .slice(-3_000)
}
