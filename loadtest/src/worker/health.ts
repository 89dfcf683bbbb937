import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Health } from '../measure/saturation.ts'

/** Samples how this process does; each call covers the time since the one before. */
export function watchHealth(takeLag: () => number): () => Health {
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  let cpu = process.cpuUsage()
  let at = performance.now()
  return () => {
    const used = process.cpuUsage(cpu)
    const now = performance.now()
    const cpuShare = (used.user + used.system) / 1_000 / Math.max(1, now - at)
    // The monitor counts its own 10 ms timer; what is above is delay.
    const loopDelayMs = Math.max(0, delay.percentile(99) / 1e6 - 10)
    delay.reset()
    cpu = process.cpuUsage()
    at = now
    return { lagMs: takeLag(), loopDelayMs, cpuShare }
  }
}
