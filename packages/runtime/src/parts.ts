import type { LogReader, PodService, Stage, Worker } from '@starling/core'
import type { Readiness } from './http.ts'
import type { OpenPodInbox } from './pod-inbox.ts'
import type { Ports } from './ports.ts'

/** What of a process was started, for readiness and for the end. */
export interface Parts {
  isStarted: boolean
  isStopping: boolean
  readonly readers: LogReader[]
  readonly workers: Worker[]
  readonly inboxes: OpenPodInbox[]
  readonly services: PodService[]
  readonly readiness: () => Readiness
}

/** Nothing started yet. */
export function createParts(ports: Ports, stages: readonly Stage[]): Parts {
  const hasPods = stages.some(({ kind }) => kind === 'pod')
  const parts: Parts = {
    isStarted: false,
    isStopping: false,
    readers: [],
    workers: [],
    inboxes: [],
    services: [],
    readiness: () => ({
      started: parts.isStarted && !parts.isStopping,
      log: ports.log.health().isUp,
      presence: ports.presence.isUp(),
      ...(ports.storage === undefined ? {} : { storage: ports.storage.isUp() }),
      ...(hasPods ? { lease: parts.inboxes.length > 0 && parts.inboxes.every((inbox) => inbox.isLeased()) } : {}),
      ...(hasPods ? { services: parts.services.every((service) => service.isReady()) } : {}),
    }),
  }
  return parts
}
