import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { FaultBed } from '../../cluster/testing/fault-bed.ts'
import type { Fault, Findings, Scene } from '../fault.ts'
import type { Account } from '../ledger.ts'
import { type Control, type Latency, makeControl } from './control.ts'
import type { CrowdPlan, CrowdState } from './crowd.ts'
import type { CrowdOrder } from './crowd-thread.ts'

const password = 'so foul and fair a day'
const victim = 'connection-manager-1'
const controllers = 6
/** Sign-ins a second that a pod takes on by its settings (`c2s.loginsPerSecond`). */
const pace = 100
/** Units: ms. */
const times = { calmMs: 10_000, shortCalmMs: 4_000, lookMs: 100, backMs: 240_000 } as const
const atOnce = 16

/**
 * A connection-manager dies with that many sessions, and all come to the other one at once. Judged: all are resumed, nothing that
 * was acknowledged is lost, comes twice or out of order, and they are let in at the pace of the settings. Measured: how long
 * messages take among those who stayed.
 */
export function storm(sessions: number): Fault {
  return { name: `reconnect storm of ${sessions} sessions`, run: (scene) => runStorm(scene, sessions) }
}

async function runStorm({ bed }: Scene, sessions: number): Promise<Findings> {
  const [first, second] = bed.reaches
  if (first === undefined || second === undefined) throw new Error('a storm needs two connection-managers')
  const names = Array.from({ length: sessions }, (_, at) => `crowd-${at + 1}`)
  const steady = Array.from({ length: controllers }, (_, at) => `steady-${at + 1}`)
  await createAll(bed, [...names, ...steady])
  const host = '127.0.0.1'
  const plan: CrowdPlan = {
    names,
    password,
    domain: first.domain,
    first: { host, port: first.c2s },
    second: { host, port: second.c2s },
    signInsPerSecond: pace * 0.9,
    messagesPerSecond: Math.min(50, sessions / 10),
  }
  const thread = new Worker(new URL('./crowd-thread.ts', import.meta.url), { workerData: plan })
  const ask = async <T>(order: CrowdOrder): Promise<T> => {
    thread.postMessage(order)
    const [answer] = (await once(thread, 'message')) as [T]
    return answer
  }
  let control: Control | undefined
  try {
    const cameMs = await ask<number>('come')
    const come = await ask<CrowdState>('state')
    if (come.up < sessions) return { broken: [`only ${come.up} of ${sessions} signed in: ${failuresOf(come)}`] }
    control = await makeControl(second, { names: steady, password })
    await sleep(1_000)
    control.take()
    await sleep(sessions > 1_000 ? times.calmMs : times.shortCalmMs)
    const calm = control.take()
    const start = performance.now()
    await bed.signal(victim, 'SIGKILL')
    let state = await ask<CrowdState>('state')
    while (state.resumed + state.refused < sessions && performance.now() - start < times.backMs) {
      await sleep(times.lookMs)
      state = await ask<CrowdState>('state')
    }
    const tookMs = performance.now() - start
    const during = control.take()
    const account = await ask<Account>('settle')
    await ask('leave')
    await bed.start(victim)
    return told({ sessions, state, account, calm, during, cameMs, tookMs })
  } finally {
    await control?.close()
    await thread.terminate()
  }
}

interface Storm {
  readonly sessions: number
  readonly state: CrowdState
  readonly account: Account
  readonly calm: Latency
  readonly during: Latency
  readonly cameMs: number
  readonly tookMs: number
}

function told({ sessions, state, account, calm, during, cameMs, tookMs }: Storm): Findings {
  const { sent, acked, lost, twice, reordered, bounced } = account
  const latency = ({ p50, p99, count }: Latency): string =>
    `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms of ${count}`
  const ratio = (now: number, before: number): string => (now / Math.max(before, 0.1)).toFixed(1)
  const notes = [
    `${sessions} signed in within ${(cameMs / 1000).toFixed(1)} s`,
    `${state.resumed} of ${sessions} resumed in ${(tookMs / 1000).toFixed(1)} s, ${state.fastest} in the fastest second; tried again: ${failuresOf(state)}`,
    `those who stayed: before ${latency(calm)}; during ${latency(during)}; p50 ${ratio(during.p50, calm.p50)} times, p99 ${ratio(during.p99, calm.p99)} times`,
    `the crowd: ${sent} sent, ${acked} acked; lost ${lost.acked}, twice ${twice.acked}, out of order ${reordered.acked}, bounced ${bounced.acked}`,
  ]
  // A pace lets the first second's worth through at once
  const leastMs = (sessions / pace - 1) * 1_000
  const broken = [
    ...(state.resumed === sessions && state.refused === 0 ? [] : [`${sessions - state.resumed} were not resumed`]),
    ...(lost.acked + twice.acked + reordered.acked + bounced.acked === 0 ? [] : account.examples),
    ...(tookMs >= leastMs ? [] : [`${sessions} came within ${tookMs.toFixed(0)} ms: nobody paced them`]),
  ]
  return { notes, broken }
}

function failuresOf({ failures }: CrowdState): string {
  return (
    Object.entries(failures)
      .map(([reason, count]) => `${reason} ${count}`)
      .join(', ') || 'nobody'
  )
}

async function createAll(bed: FaultBed, names: readonly string[]): Promise<void> {
  const waiting = [...names]
  const work = async (): Promise<void> => {
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      await bed.createAccount(`${name}@localhost`, password).catch((error: unknown) => {
        if (!String(error).includes(': 409')) throw error // a storm before this one made it
      })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}
