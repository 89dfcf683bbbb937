import type { PodIo } from '@starling/core'
import type { AckRequests } from './ack-requests.ts'
import type { Connection } from './connection.ts'
import type { DeliveryTimes } from './delivery-times.ts'
import type { Drops } from './drops.ts'
import type { Fast } from './fast.ts'
import type { FlushList } from './link.ts'
import type { Logins } from './logins.ts'
import type { Meters } from './meters.ts'
import type { Pauses } from './pauses.ts'
import type { Roll } from './roll.ts'
import type { Transport } from './stream-state.ts'
import type { TlsIdentity } from './tls-identity.ts'
import type { Trims } from './trims.ts'
import type { Turns } from './turns.ts'

/** Runs a function later; returns what cancels it. Units: ms. */
export type Later = (delayMs: number, run: () => void) => () => void

/** What all connections of a pod share. */
export interface Pod {
  readonly io: PodIo
  readonly meters: Meters
  readonly flushes: FlushList
  readonly times: DeliveryTimes
  readonly logins: Logins
  readonly fast: Fast
  /** Turns of new sockets to be served. */
  readonly arrivals: Turns
  readonly drops: Drops
  readonly roll: Roll
  readonly pauses: Pauses
  readonly requests: AckRequests
  readonly trims: Trims
  readonly later: Later
  readonly identity: () => TlsIdentity
  /** By connection number; a connection is here from its socket's first to its last moment. */
  readonly connections: Map<number, Connection>
  /** Open sockets by address key. */
  readonly addresses: Map<string, number>
  /** Open connections by transport. */
  readonly transports: Record<Transport, number>
  /**
   * Whether the lease runs; else every connection is cut off at once, for others may be serving its session already (R7).
   * Asked after a produce was acknowledged (R1), before bytes are written, and before what the inbox holds is looked at.
   */
  readonly checkLease: () => boolean
  /** Times that presence has forgotten what hangs on this pod (R11). */
  readonly losses: () => number
  /** Whether new streams are taken. */
  readonly phase: () => 'open' | 'draining'
  readonly nextId: () => number
}

/** Counts open connections of a transport. */
export function countTransport(pod: Pod, transport: Transport, by: 1 | -1): void {
  pod.transports[transport] += by
  pod.meters.open.set(pod.transports[transport], { transport })
}

/** Counts a socket of an address; false when it has too many already, and then it is not counted. */
export function admitAddress(pod: Pod, address: string): boolean {
  const count = pod.addresses.get(address) ?? 0
  const max = pod.io.settings.c2s.streamsPerAddress
  if (max > 0 && count >= max) {
    pod.meters.refused.add(1, { limit: 'streamsPerAddress' })
    return false
  }
  pod.addresses.set(address, count + 1)
  return true
}

/** Forgets a socket of an address. */
export function releaseAddress(pod: Pod, address: string): void {
  const count = pod.addresses.get(address) ?? 0
  if (count <= 1) pod.addresses.delete(address)
  else pod.addresses.set(address, count - 1)
}
