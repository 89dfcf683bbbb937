import type { Engine, Process } from './engine.ts'
import type { SimulatedPod } from './pod.ts'

/** Stops a process for a while. Units: ms. */
export function standStill(
  engine: Engine,
  { process, pod }: { readonly process: Process; readonly pod: SimulatedPod | undefined },
  forMs: number,
): void {
  if (!process.isAlive || process.isStopped) return
  engine.trace(() => `STOP ${process.name} for ${Math.round(forMs)} ms`)
  engine.stop(process)
  for (const line of pod?.lines ?? []) line.stoppedMs = Math.min(line.stoppedMs, engine.nowMs())
  engine.later(undefined, forMs, () => go(engine, process))
}

/** Lets it go on. */
export function go(engine: Engine, process: Process): void {
  if (!process.isStopped || !process.isAlive) return
  engine.trace(() => `CONT ${process.name}`)
  engine.go(process)
}
