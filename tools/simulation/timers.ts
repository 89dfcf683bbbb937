import type { Engine } from './engine.ts'

/**
 * Lets the timers of all code in this process run in virtual time, each with the simulated process whose step made it; returns
 * what puts the real ones back. Order: one simulation at a time.
 */
export function virtualTimers(engine: Engine): () => void {
  const { setTimeout, clearTimeout, setImmediate } = globalThis
  const start = (run: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]): unknown => {
    const cancel = engine.later(engine.running(), Math.max(1, delayMs), () => run(...args))
    const timer = { cancel, unref: () => timer, ref: () => timer, hasRef: () => true }
    return timer
  }
  const stop = (timer: unknown): void => (timer as { cancel?: () => void } | undefined)?.cancel?.()
  const soon = (run: (...args: unknown[]) => void, ...args: unknown[]): unknown => start(run, 0, ...args)
  Object.assign(globalThis, { setTimeout: start, clearTimeout: stop, setImmediate: soon })
  return () => {
    Object.assign(globalThis, { setTimeout, clearTimeout, setImmediate })
  }
}
