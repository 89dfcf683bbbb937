import { randomBytes } from 'node:crypto'
import { type RunningBlock, startBlock, staysOff } from '../blocks/block.ts'
import type { Client } from '../client/client.ts'
import { openLoop } from '../measure/arrivals.ts'
import type { WorkerPlan } from '../plan/plan.ts'
import { fillArchives } from './archives.ts'
import type { Channel } from './channel.ts'
import { Crowd } from './crowd.ts'
import { watchHealth } from './health.ts'
import type { Order, Phase, Report } from './messages.ts'
import { watchRosters } from './roster.ts'
import { startScheduler } from './scheduler.ts'

/** Sign-ins a client may fail before the phase goes on without it. */
const maxSignInTries = 3
const pollMs = 50

/** Runs one worker's part, as the coordinator says; resolves when the channel closes. */
export function runWorker(channel: Channel<Report, Order>): void {
  const fail = (error: unknown): void => {
    channel.send({ say: 'failed', text: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
  let part: Part | undefined
  channel.onMessage((order) => {
    if (order.do === 'plan') {
      part = startPart(order.plan, channel, fail)
      channel.send({ say: 'ready' })
    } else if (part !== undefined) {
      const { phase } = order
      part.enter(phase).then(() => channel.send({ say: 'done', phase }), fail)
    }
  })
}

interface Part {
  readonly enter: (phase: Phase) => Promise<void>
}

function startPart(plan: WorkerPlan, channel: Channel<Report, Order>, fail: (error: unknown) => void): Part {
  const now = (): number => performance.now()
  const scheduler = startScheduler(now, fail)
  const crowd = new Crowd(plan, { now, scheduler, nonce: () => randomBytes(12).toString('base64') })
  const rosters = watchRosters(crowd)
  const health = watchHealth(scheduler.takeLag)
  const running: RunningBlock[] = []
  const second = setInterval(() => {
    crowd.requestAcks()
    channel.send({
      say: 'second',
      second: {
        users: crowd.users,
        online: crowd.online,
        sent: crowd.ledger.sent,
        received: crowd.ledger.received,
        open: crowd.ledger.open,
        counts: crowd.tally.counts(),
        failures: crowd.tally.failures(),
        measured: crowd.histograms.take(),
        health: health(),
      },
    })
  }, 1_000)
  const enter = async (phase: Phase): Promise<void> => {
    switch (phase) {
      case 'signIn':
        return signIn(crowd)
      case 'seed':
        await rosters.seed()
        return fillArchives(crowd)
      case 'load':
        for (const block of plan.blocks) running.push(startBlock(block, crowd))
        return
      case 'measure':
        crowd.ledger.endWarmUp()
        crowd.histograms.take()
        return
      case 'drain':
        for (const block of running) block.stop()
        return drain(crowd)
      case 'end':
        clearInterval(second)
        scheduler.stop()
        crowd.end()
        channel.send({ say: 'result', reconciled: crowd.ledger.reconcile() })
        return
      default:
        return phase satisfies never
    }
  }
  return { enter }
}

/** Everybody who is on from the beginning signs in, at the scenario's rate. */
async function signIn(crowd: Crowd): Promise<void> {
  const { plan } = crowd
  const all = crowd.groups.flatMap((group, at) => group.filter((_, place) => !staysOff(plan.blocks, at, place)))
  const waiting: Client[] = [...all].reverse()
  const arrivals = openLoop({
    startMs: crowd.now(),
    perSecond: Math.max(0.1, plan.signInPerSecond),
    spacing: 'even',
    random: crowd.random,
  })
  const stop = crowd.scheduler.follow(arrivals, (intendedAt) => {
    const client = waiting.pop()
    if (client === undefined) stop()
    else client.connect(intendedAt)
  })
  const isSettled = (client: Client): boolean => client.state === 'up' || crowd.failuresOf(client) >= maxSignInTries
  while (waiting.length > 0 || !all.every(isSettled)) await sleep(pollMs)
}

/** Waits for what is on its way, until it is all there or nothing comes any more. */
async function drain(crowd: Crowd): Promise<void> {
  const { lostAfterMs, waitAtMostMs } = crowd.plan.scenario
  const until = crowd.now() + waitAtMostMs
  let open = crowd.ledger.open
  let movedAt = crowd.now()
  while (open > 0 && crowd.now() - movedAt < lostAfterMs && crowd.now() < until) {
    await sleep(pollMs)
    if (crowd.ledger.open !== open) movedAt = crowd.now()
    open = crowd.ledger.open
  }
  // Acknowledgements are asked for once a second, and repetitions may follow.
  await sleep(1_200)
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
