import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

// USER_HZ, which Linux fixes for /proc on every architecture Node runs on.
const ticksPerSecond = 100
const settledShare = 0.1
const settleStepMs = 300
const maxSettleSteps = 40

/** CPU time a process and its threads have used so far; 0 when it is gone. Units: seconds. Source: proc(5), stat. */
export function cpuSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // After the name, which may hold spaces: state is field 3, utime 14 and stime 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  } catch {
    return 0
  }
}

/** Sum over processes. Units: seconds. */
export function cpuSecondsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
}

/** Resident memory of a process. Units: MB. */
export function residentMegabytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1] ?? 0) / 1024
}

/** Waits until the processes together use little more than `idleShare` of a core, 12 s at most: what was put off is then done. */
export async function settle(pids: readonly number[], idleShare = 0): Promise<void> {
  for (let step = 0; step < maxSettleSteps; step++) {
    const before = cpuSecondsOf(pids)
    await sleep(settleStepMs)
    if (((cpuSecondsOf(pids) - before) * 1000) / settleStepMs < idleShare + settledShare) return
  }
}
