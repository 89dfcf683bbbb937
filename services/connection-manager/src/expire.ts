import { type PodIo, readHibernationName } from '@starling/core'
import { limits } from './limits.ts'
import type { Meters } from './meters.ts'

/** What ending hibernations needs of its pod. */
export interface ExpirePorts {
  readonly io: Pick<PodIo, 'presence' | 'publish' | 'clock' | 'logger'>
  readonly meters: Pick<Meters, 'expiredSessions' | 'sweepFaults'>
}

/**
 * Writes an `expire` record for every session whose client did not come back in time, at most `limits.sweepPage`; returns whether
 * there may be more. Every pod does so, any number of times: the record does nothing where a resumption came first (R6).
 * Order: a hibernation is forgotten only after the log holds its record. Errors: rejects when presence is away.
 */
export async function expireHibernations({ io, meters }: ExpirePorts): Promise<boolean> {
  const names = await io.presence.endedHibernations(io.clock(), limits.sweepPage)
  if (names.length === 0) return false
  const done = await Promise.all(names.map((name) => expire(name, io)))
  const told = names.filter((_, index) => done[index])
  if (told.length > 0) await io.presence.forgetHibernations(told)
  meters.expiredSessions.add(told.length)
  if (told.length < names.length) meters.sweepFaults.add()
  return told.length === limits.sweepPage
}

/** Whether nothing more is to be done about it. */
async function expire(name: string, io: ExpirePorts['io']): Promise<boolean> {
  const named = readHibernationName(name)
  if (named === undefined) {
    io.logger.error({ what: 'hibernation-unreadable' })
    return true
  }
  const { account, target } = named
  return io.publish('session', { kind: 'expire', key: account, target, atMs: io.clock() }).then(
    () => true,
    () => false,
  )
}
