import type { PodIo } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { AckRequests } from './ack-requests.ts'
import type { Connection } from './connection.ts'
import { DeliveryTimes } from './delivery-times.ts'
import { Drops } from './drops.ts'
import { receiveEnvelopes } from './envelopes.ts'
import { Fast } from './fast.ts'
import { sweep, sweepMs } from './keepalive.ts'
import { limits } from './limits.ts'
import { FlushList } from './link.ts'
import { Logins } from './logins.ts'
import { createMeters } from './meters.ts'
import { Pauses } from './pauses.ts'
import type { Later, Pod } from './pod.ts'
import { reassertForgotten } from './reassert.ts'
import { Roll } from './roll.ts'
import { keepSweeping, Sweeper } from './sweep.ts'
import type { TlsIdentity } from './tls-identity.ts'
import { Trims } from './trims.ts'
import { Turns } from './turns.ts'

/** What a pod is put together with, beside its ports. */
export interface PodParts {
  readonly later: Later
  /** Runs something at the end of a turn. Default: setImmediate. */
  readonly atTurnsEnd?: (run: () => void) => void
  readonly identity: () => TlsIdentity
}

/** A pod without sockets: whoever has them gives it connections. */
export interface AssembledPod {
  readonly pod: Pod
  /** From now on no new streams are taken; false when that was so already. */
  readonly startDraining: () => boolean
  /** Ends its timers; to be called once its connections are gone. */
  readonly close: () => void
}

const maxConnectionNumber = 0xffff_ffff // as wide as an envelope carries it

/** Puts a pod's parts together and lets them work: its inbox, its lease, its sweeps. */
export function assemblePod(io: PodIo, { later, atTurnsEnd, identity }: PodParts): AssembledPod {
  const { settings, clock, monotonic, presence } = io
  const meters = createMeters(io.metrics)
  const connections = new Map<number, Connection>()
  const roll = new Roll({ presence, onLost: () => meters.lostDelistings.add() })
  const sweeper = new Sweeper({ io, meters })
  const drops = new Drops({
    publish: (envelope) => io.publish('session', envelope),
    clock,
    isReady: io.isReady,
    onDurable: ({ target, key }) => roll.delist(target, key as BareJid),
    onLost: () => meters.lostDrops.add(),
  })
  let phase: 'open' | 'draining' = 'open'
  let lastId = 0
  let losses = 0
  let isFenced = false
  const checkLease = (): boolean => {
    const isLeased = io.inbox.isLeased()
    // Once: what comes without a lease is told so, and has no session to lose
    if (!isLeased && !isFenced) fence(pod)
    isFenced = !isLeased
    return isLeased
  }
  const flushes = new FlushList(checkLease, atTurnsEnd)
  const pod: Pod = {
    io,
    meters,
    connections,
    drops,
    roll,
    later,
    flushes,
    times: new DeliveryTimes({ metrics: io.metrics, clock, afterFlush: (run) => flushes.after(run) }),
    requests: new AckRequests(settings.sm.requestAfterMs, { later, monotonic }),
    trims: new Trims({ presence, later, onLost: (count) => meters.lostTrims.add(count) }),
    checkLease,
    logins: new Logins(io, meters, later),
    fast: new Fast({ io, secret: () => identity().secret }),
    arrivals: new Turns({
      perSecond: settings.c2s.loginsPerSecond * limits.socketsPerLogin,
      maxWaiting: limits.waitingSockets,
      later,
      monotonic,
    }),
    pauses: new Pauses(later, monotonic),
    identity,
    addresses: new Map(),
    transports: { tcp: 0, tls: 0, websocket: 0, bosh: 0 },
    losses: () => losses,
    phase: () => phase,
    nextId: () => {
      do lastId = lastId === maxConnectionNumber ? 1 : lastId + 1
      while (connections.has(lastId))
      return lastId
    },
  }
  observeParts(pod, sweeper)
  io.inbox.onEnvelopes((envelopes) => receiveEnvelopes(pod, envelopes))
  io.inbox.onFenced(() => fence(pod))
  io.inbox.onRestored(() => {
    losses++
    meters.losses.add()
    reassertForgotten(pod)
  })
  const endings = [scheduleSweep(pod), keepSweeping(sweeper, later)]
  return {
    pod,
    startDraining: () => {
      if (phase === 'draining') return false
      phase = 'draining'
      return true
    },
    close: () => {
      for (const end of endings) end()
      for (const part of [pod.pauses, pod.arrivals, pod.logins, pod.requests, pod.trims]) part.close()
    },
  }
}

/** R7: the lease is gone, so nothing may show any more. */
function fence(pod: Pod): void {
  for (const connection of pod.connections.values()) {
    connection.link?.destroy()
    connection.finish('fenced', [])
  }
}

function scheduleSweep(pod: Pod): () => void {
  let isOver = false
  let cancel = (): void => {}
  const next = (): void => {
    if (isOver) return
    sweep(pod, pod.io.monotonic())
    cancel = pod.later(sweepMs, next)
  }
  cancel = pod.later(sweepMs, next)
  return () => {
    isOver = true
    cancel()
  }
}

function observeParts({ io, pauses, drops, logins, roll, arrivals, trims }: Pod, sweeper: Sweeper): void {
  const { observed } = io.metrics
  observed('starling_c2s_paused_connections', 'Connections not read for a rate or the log', () => pauses.count)
  observed('starling_c2s_waiting_drops', 'Drop records the log does not hold yet', () => drops.count)
  observed('starling_c2s_waiting_logins', 'Sign-ins waiting for their turn', () => logins.waiting)
  observed('starling_c2s_waiting_roll_changes', 'Changes of the roll that presence does not hold yet', () => roll.count)
  observed('starling_c2s_waiting_sockets', 'Sockets that wait to be served', () => arrivals.waiting)
  observed('starling_c2s_waiting_trims', 'Queues that presence was not told of yet', () => trims.count)
  observed('starling_c2s_dead_pods', 'Pods seen dead and not swept yet', () => sweeper.deadLives)
}
