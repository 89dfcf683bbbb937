import type { Reconciled } from '../measure/ledger.ts'
import type { WorkerPlan } from '../plan/plan.ts'
import type { Phase, Report, Second } from '../worker/messages.ts'
import type { WorkerChannel } from './workers.ts'

/** All workers of a run. */
export interface Fleet {
  /** Sends each its plan. Errors: rejects with a worker's failure, here and below. */
  readonly plan: (plans: readonly WorkerPlan[]) => Promise<void>
  /** All enter a phase; resolves when all are through. */
  readonly enter: (phase: Phase) => Promise<void>
  /** The latest second of each that has told one. */
  readonly latest: () => readonly Second[]
  /** Resolves when every worker has told one more second. */
  readonly nextSecond: () => Promise<void>
  /** Who is told of every second. */
  readonly onSecond: (take: (second: Second, worker: number) => void) => void
  /** What each has reconciled; complete after the phase `end`. */
  readonly results: () => readonly Reconciled[]
  /** Makes whatever is waited for fail: the run is broken off. */
  readonly abort: (reason: string) => void
  readonly close: () => void
}

/** Speaks with workers, wherever they run. */
export function commandFleet(channels: readonly WorkerChannel[]): Fleet {
  const seconds = new Map<number, Second>()
  const results: Reconciled[] = []
  const takers = new Set<(second: Second, worker: number) => void>()
  const rejecters = new Set<(error: Error) => void>()
  let failure: string | undefined
  let arrived = 0
  let waiting: { readonly what: string; readonly done: () => void; readonly fail: (error: Error) => void } | undefined
  const fail = (text: string): void => {
    failure ??= text
    waiting?.fail(new Error(failure))
    for (const reject of rejecters) reject(new Error(failure))
  }
  const arrive = (what: string): void => {
    if (waiting?.what === what && ++arrived === channels.length) waiting.done()
  }
  const take = (report: Report, worker: number): void => {
    switch (report.say) {
      case 'ready':
        arrive('ready')
        return
      case 'done':
        arrive(report.phase)
        return
      case 'second':
        seconds.set(worker, report.second)
        for (const tell of takers) tell(report.second, worker)
        return
      case 'result':
        results.push(report.reconciled)
        return
      case 'failed':
        fail(`worker ${worker + 1} failed: ${report.text}`)
        return
      default:
        report satisfies never
    }
  }
  channels.forEach((channel, worker) => {
    channel.onMessage((report) => take(report, worker))
    channel.onClose((reason) => fail(reason))
  })
  const all = (what: string, send: () => void): Promise<void> =>
    new Promise((resolve, reject) => {
      if (failure !== undefined) return reject(new Error(failure))
      arrived = 0
      waiting = { what, done: resolve, fail: reject }
      send()
    })
  return {
    plan: (plans) =>
      all('ready', () => {
        channels.forEach((channel, worker) => {
          const plan = plans[worker]
          if (plan !== undefined) channel.send({ do: 'plan', plan })
        })
      }),
    enter: (phase) => all(phase, () => channels.forEach((channel) => void channel.send({ do: 'phase', phase }))),
    latest: () => [...seconds.values()],
    nextSecond: () =>
      new Promise((resolve, reject) => {
        const heard = new Set<number>()
        const taker = (_: Second, worker: number): void => {
          heard.add(worker)
          if (heard.size < channels.length) return
          takers.delete(taker)
          rejecters.delete(reject)
          resolve()
        }
        takers.add(taker)
        rejecters.add(reject)
        if (failure !== undefined) reject(new Error(failure))
      }),
    onSecond: (taker) => void takers.add(taker),
    results: () => results,
    abort: fail,
    close: () => channels.forEach((channel) => void channel.close()),
  }
}
