import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

// USER_HZ, which Linux fixes for /proc on every architecture Node runs on.
const ticksPerSecond = 100
const settledShare = 0.1
const settleStepMs = 300
const maxSettleSteps = 40

interface Stat {
  readonly parent: number
  readonly seconds: number
}

/** Source: proc(5), stat. Shape: CPU time with that of children that ended and were waited for. */
function statOf(pid: number): Stat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // After the name, which may hold spaces: state is field 3, ppid 4, utime to cstime 14 to 17.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + field, 0)
    return { parent: fields[1] ?? 0, seconds: ticks / ticksPerSecond }
  } catch {
    return undefined // it is gone
  }
}

/** CPU time that processes and all below them (the database has a process a connection) have used so far. Units: seconds. */
export function cpuSeconds(pids: readonly number[]): number {
  const stats = new Map<number, Stat>()
  for (const entry of readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) ? statOf(Number(entry)) : undefined
    if (stat !== undefined) stats.set(Number(entry), stat)
  }
  const isOurs = (pid: number): boolean => {
    if (pids.includes(pid)) return true
    const stat = stats.get(pid)
    return stat !== undefined && stat.parent > 1 && isOurs(stat.parent)
  }
  return [...stats].reduce((sum, [pid, { seconds }]) => (isOurs(pid) ? sum + seconds : sum), 0)
}

/** Resident memory of a process. Units: MB. */
export function residentMegabytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1] ?? 0) / 1024
}

/** Waits until processes use little more than `idleShare` of a core, 12 s at most: what was put off is then done. */
export async function settle(pids: readonly number[], idleShare = 0): Promise<void> {
  for (let step = 0; step < maxSettleSteps; step++) {
    const before = cpuSeconds(pids)
    await sleep(settleStepMs)
    if (((cpuSeconds(pids) - before) * 1000) / settleStepMs < idleShare + settledShare) return
  }
}
