import type { Reassert } from '@starling/wire'
import type { Connection } from './connection.ts'
import { limits } from './limits.ts'
import type { Pod } from './pod.ts'

/*
 * Presence that forgot everything is told of the sessions that live (R11, ADR 9). A session with stream management takes two steps:
 * routing first says when all that it numbered before the loss has arrived, for only then is it known where the numbers go on.
 */

/** Whether presence has forgotten the connection's session and was not told of it again. */
export function isForgotten({ pod, keepsake, isEnded, isBound }: Connection): boolean {
  return isBound && !isEnded && keepsake !== undefined && keepsake.losses < pod.losses()
}

/** Begins to tell presence of sessions that it forgot, `limits.reassertionsPerLook` of them; called at every look. */
export function reassertForgotten(pod: Pod): void {
  let left: number = limits.reassertionsPerLook
  for (const connection of pod.connections.values()) {
    if (left === 0) return
    if (!isForgotten(connection)) continue
    left--
    begin(connection)
  }
}

function begin(connection: Connection): void {
  const { pod, keepsake, account, target, sm } = connection
  if (keepsake === undefined || account === undefined || target === undefined) return
  keepsake.losses = pod.losses()
  pod.roll.renew(target, account)
  if (sm?.isOn !== true) {
    reassert(connection)
    return
  }
  const recount = { kind: 'recount', key: account, target, atMs: pod.io.clock() } as const
  pod.io.publish('routing', recount).catch((error: unknown) => connection.produceFailed(error))
}

/** Tells the session stage of the connection's session. Order: behind all that its client sent, true at this place. */
export function reassert(connection: Connection): void {
  const { pod, keepsake, account, target, ordinal, sm } = connection
  const { phase, lang } = connection.state
  if (keepsake === undefined || account === undefined || target === undefined || phase.kind !== 'bound') return
  const counts = sm === undefined ? {} : { sm: { ...sm.counts, id: sm.id, maxSeconds: sm.maxSeconds } }
  const envelope: Reassert = {
    kind: 'reassert',
    key: account,
    target,
    ordinal,
    atMs: pod.io.clock(),
    head: {
      ...keepsake.remembered,
      resource: phase.jid.slice(account.length + 1),
      generation: keepsake.generation,
      lang,
      ...counts,
    },
  }
  pod.meters.reassertions.add()
  pod.io.publish('session', envelope).catch((error: unknown) => connection.produceFailed(error))
}

/** Counts what a session that ends forgotten leaves unacknowledged: it is in no queue, so nobody is given it. */
export function countUnrestored(connection: Connection): void {
  const { pod, sm } = connection
  if (sm !== undefined && sm.unacked > 0 && isForgotten(connection)) pod.meters.unrestored.add(sm.unacked)
}
