import { setTimeout as sleep } from 'node:timers/promises'
import { birthOf, isAlive } from '../alive.ts'
import type { RunFolder } from './state.ts'

/** Beyond its drain, a pod gets this to end. Units: ms. */
const graceMs = 5_000
const lookMs = 50

/** A process to end. */
export interface Ours {
  readonly pid: number
  readonly birth: string
}

/** Whether a process is still the one that was started: ids are used again. */
export function isOurs({ pid, birth }: Ours): boolean {
  return isAlive(pid) && birthOf(pid) === birth
}

/** Ends pods, then servers, by their ids, and forgets the cluster. Returns how many processes had to be killed. */
export async function down(folder: RunFolder): Promise<{ readonly ended: number; readonly killed: number }> {
  const launch = folder.read()
  if (launch === undefined) return { ended: 0, killed: 0 }
  const pods = launch.pods.filter(isOurs)
  const servers = launch.servers.filter(isOurs)
  const endedPods = pods.map((pod) => end(pod, 'SIGTERM', launch.drainTimeoutMs + graceMs))
  const killedPods = (await Promise.all(endedPods)).filter(Boolean).length
  const endedServers = servers.map((server) => end(server, server.spec.stopSignal, server.spec.stopTimeoutMs))
  const killedServers = (await Promise.all(endedServers)).filter(Boolean).length
  folder.forget()
  return { ended: pods.length + servers.length, killed: killedPods + killedServers }
}

/** Ends one process; says whether it had to be killed. */
async function end(one: Ours, signal: NodeJS.Signals, timeoutMs: number): Promise<boolean> {
  send(one, 'SIGCONT')
  send(one, signal)
  if (await isGone(one, timeoutMs)) return false
  send(one, 'SIGKILL')
  await isGone(one, graceMs)
  return true
}

function send({ pid }: Ours, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // it has just ended
  }
}

async function isGone(one: Ours, timeoutMs: number): Promise<boolean> {
  for (let waited = 0; waited < timeoutMs; waited += lookMs) {
    if (!isOurs(one)) return true
    await sleep(lookMs)
  }
  return !isOurs(one)
}
