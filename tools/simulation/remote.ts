import type { Engine, Process } from './engine.ts'

/** How requests to a server may fail. */
export interface Trouble {
  /** Of all requests, those that come to nothing. */
  failures: number
  /** Every request fails until then. Units: ms. */
  awayUntilMs: number
}

/** A server that processes ask: each request takes effect some time after it was sent, its answer comes some time later. */
export interface Server {
  readonly trouble: Trouble
  /**
   * Order: requests of one process take effect in the order of the calls.
   * Errors: rejects with `fault()`, whether it took effect or not.
   */
  readonly ask: <T>(process: Process, effect: () => T | Promise<T>) => Promise<T>
}

/** Makes a server. */
export function createServer(engine: Engine, name: string, fault: () => Error): Server {
  const trouble: Trouble = { failures: 0, awayUntilMs: 0 }
  const sent = new WeakMap<Process, number>()
  const answered = new WeakMap<Process, number>()
  const after = (times: WeakMap<Process, number>, process: Process): number => {
    const dueMs = Math.max(times.get(process) ?? 0, engine.nowMs() + engine.latencyMs())
    times.set(process, dueMs)
    return dueMs - engine.nowMs()
  }
  return {
    trouble,
    ask: (process, effect) =>
      new Promise((resolve, reject) => {
        const request = { isDropped: false }
        process.underWay.add(request)
        engine.later(undefined, after(sent, process), () => {
          process.underWay.delete(request)
          if (request.isDropped) return
          const isAway = engine.nowMs() < trouble.awayUntilMs
          const isFailing = isAway || (trouble.failures > 0 && engine.random.chance(trouble.failures))
          const hasEffect = !isFailing || (!isAway && engine.random.chance(0.5))
          let result: unknown
          if (hasEffect) result = effect()
          if (result instanceof Promise) result.catch(() => {}) // its asker hears of it with the answer
          if (isFailing) engine.trace(() => `${name} fails ${process.name} (${hasEffect ? 'done' : 'not done'})`)
          engine.later(process, after(answered, process), () => {
            if (isFailing) reject(fault())
            else resolve(result as never)
          })
        })
      }),
  }
}
