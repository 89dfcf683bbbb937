import { readdirSync, readFileSync } from 'node:fs'
import type { ServerProcess } from './target.ts'

/** What a part of the server has used so far. Units: CPU seconds; MB. */
export interface Usage {
  readonly name: string
  readonly cpuSeconds: number
  readonly memoryMb: number
}

// USER_HZ, which Linux fixes for /proc on every architecture Node runs on.
const ticksPerSecond = 100
const scrapeTimeoutMs = 800

interface Stat {
  readonly parent: number
  readonly seconds: number
}

/** CPU and memory of named processes with all below them (a database has a process a connection). */
export function usageOfProcesses(processes: readonly ServerProcess[]): readonly Usage[] {
  if (processes.length === 0) return []
  const stats = new Map<number, Stat>()
  for (const entry of readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) ? statOf(Number(entry)) : undefined
    if (stat !== undefined) stats.set(Number(entry), stat)
  }
  const named = new Set(processes.map(({ pid }) => pid))
  const ownerOf = (pid: number): number | undefined => {
    if (named.has(pid)) return pid
    const parent = stats.get(pid)?.parent ?? 0
    return parent > 1 ? ownerOf(parent) : undefined
  }
  const owned = new Map<number, number[]>()
  for (const pid of stats.keys()) {
    const owner = ownerOf(pid)
    if (owner !== undefined) owned.set(owner, [...(owned.get(owner) ?? []), pid])
  }
  return processes.map(({ name, pid }) => {
    const members = owned.get(pid) ?? []
    return {
      name,
      cpuSeconds: members.reduce((sum, member) => sum + (stats.get(member)?.seconds ?? 0), 0),
      memoryMb: members.reduce((sum, member) => sum + memoryOf(member), 0),
    }
  })
}

/** CPU and memory as servers tell it themselves at /metrics; one that does not answer is left out. */
export async function usageOfMetrics(urls: readonly string[]): Promise<readonly Usage[]> {
  const all = await Promise.all(
    urls.map(async (url) => {
      try {
        const response = await fetch(url, { signal: AbortSignal.timeout(scrapeTimeoutMs) })
        return response.ok ? readMetrics(url, await response.text()) : undefined
      } catch {
        return undefined
      }
    }),
  )
  return all.filter((usage) => usage !== undefined)
}

/** Reads the two figures every Prometheus client library tells of its process. */
export function readMetrics(name: string, text: string): Usage {
  const value = (metric: string): number => {
    const match = new RegExp(`^${metric}(?:\\{[^}]*\\})? ([\\d.eE+-]+)`, 'm').exec(text)
    return Number(match?.[1] ?? 0)
  }
  return {
    name,
    cpuSeconds: value('process_cpu_seconds_total'),
    memoryMb: value('process_resident_memory_bytes') / 1024 / 1024,
  }
}

/** Source: proc(5), stat: after the name, which may hold spaces, state is field 3, ppid 4, utime to cstime 14 to 17. */
function statOf(pid: number): Stat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
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

/** Proportional share where the kernel tells it: what processes share is counted once. Units: MB. */
function memoryOf(pid: number): number {
  try {
    const kb = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]
    if (kb !== undefined) return Number(kb) / 1024
  } catch {
    // Another user's process, or an old kernel.
  }
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}
