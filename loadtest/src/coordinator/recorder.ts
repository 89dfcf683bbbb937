import { Histograms } from '../measure/histograms.ts'
import type { Reconciled } from '../measure/ledger.ts'
import type { Health } from '../measure/saturation.ts'
import type { Moment } from '../report/result.ts'
import { type Counts, counters, type Second } from '../worker/messages.ts'
import type { Usage } from './server-usage.ts'

/** Seconds a report holds; of longer runs the first ones. */
const maxMoments = 24 * 3_600

/** Puts together what workers tell each second. */
export class Recorder {
  readonly total = new Histograms()
  readonly health: Health[] = []
  readonly moments: Moment[] = []
  #interval = new Histograms()
  #workerCpu = new Map<number, number>()
  #before = { sent: 0, received: 0, failures: 0, server: new Map<string, number>(), at: 0 }
  #isMeasuring = false
  #isLoading = false

  /** From here on the total counts. */
  begin(): void {
    this.#isMeasuring = true
    this.#isLoading = true
  }

  /** The load ends; what still arrives belongs to the total, the generator's health no longer matters. */
  endLoad(): void {
    this.#isLoading = false
  }

  /** A worker's second. */
  take(second: Second, worker: number): void {
    this.#interval.add(second.measured)
    this.#workerCpu.set(worker, second.health.cpuShare)
    if (!this.#isMeasuring) return
    this.total.add(second.measured)
    if (this.#isLoading) this.health.push(second.health)
  }

  /** Seconds are counted from later on; what was before gets negative ones. Units: seconds. */
  rebase(laterBy: number): void {
    this.#before.at -= laterBy
    this.moments.forEach((moment, i) => {
      this.moments[i] = { ...moment, at: moment.at - laterBy }
    })
  }

  /** Closes a second. Units: seconds. */
  close(at: number, latest: readonly Second[], server: readonly Usage[]): Moment {
    const sum = sumOf(latest)
    const messages = this.#interval.summaries().message
    this.#interval = new Histograms()
    const passed = Math.max(0.001, at - this.#before.at)
    const moment: Moment = {
      at,
      online: sum.online,
      sent: Math.max(0, sum.sent - this.#before.sent) / passed,
      received: Math.max(0, sum.received - this.#before.received) / passed,
      failures: Math.max(0, sum.failures - this.#before.failures),
      p50: messages?.p50,
      p99: messages?.p99,
      max: messages?.max,
      generatorCpu: [...this.#workerCpu.values()].reduce((all, share) => all + share, 0),
      server: server.map(({ name, cpuSeconds, memoryMb }) => {
        const was = this.#before.server.get(name) ?? cpuSeconds
        return { name, memoryMb, cpu: Math.max(0, cpuSeconds - was) / passed }
      }),
    }
    this.#before = {
      sent: sum.sent,
      received: sum.received,
      failures: sum.failures,
      at,
      server: new Map(server.map(({ name, cpuSeconds }) => [name, cpuSeconds])),
    }
    if (this.moments.length < maxMoments) this.moments.push(moment)
    return moment
  }
}

/** What all workers have together. */
export function sumOf(seconds: readonly Second[]): {
  readonly online: number
  readonly users: number
  readonly sent: number
  readonly received: number
  readonly open: number
  readonly failures: number
} {
  const sum = { online: 0, users: 0, sent: 0, received: 0, open: 0, failures: 0 }
  for (const second of seconds) {
    sum.online += second.online
    sum.users += second.users
    sum.sent += second.sent
    sum.received += second.received
    sum.open += second.open
    for (const count of Object.values(second.failures)) sum.failures += count
  }
  return sum
}

/** Adds counters by name; known ones that never moved are 0. */
export function sumCounts(all: readonly Counts[], isFilled: boolean): Counts {
  const sum: Record<string, number> = {}
  if (isFilled) for (const name of Object.keys(counters)) sum[name] = 0
  for (const counts of all) for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count
  return sum
}

/** What came to be between two states. */
export function difference(after: Counts, before: Counts): Counts {
  return Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]))
}

/** Adds what workers reconciled. */
export function sumReconciled(all: readonly Reconciled[]): Reconciled {
  const zero: Reconciled = {
    sent: 0,
    received: 0,
    lost: 0,
    lostAcked: 0,
    lostUnacked: 0,
    acked: 0,
    duplicated: 0,
    reordered: 0,
    bounced: 0,
    late: 0,
    archived: 0,
  }
  return all.reduce<Reconciled>(
    (sum, one) =>
      Object.fromEntries(
        Object.entries(sum).map(([name, count]) => [name, count + one[name as keyof Reconciled]]),
      ) as unknown as Reconciled,
    zero,
  )
}
