import type { Bounds } from './driver.ts'

/** One partition that somebody reads, as the watchdog sees it. */
export interface Watched {
  readonly topic: string
  readonly partition: number
  /** Next offset that the source should bring. */
  readonly expected: number
}

/** Something that reads and may be started anew. */
export interface Patient {
  /** Partitions that are being read and have room; none while it is joining. */
  readonly watched: () => readonly Watched[]
  /** Starts the source anew. */
  readonly renew: (reason: string) => void
}

/**
 * Notices a consumer that silently stopped: twice behind the end of a partition at the very same offset.
 * Order: call it at a steady pace, with bounds read after the last call.
 */
export function watchdog(): (patient: Patient, bounds: ReadonlyMap<string, ReadonlyMap<number, Bounds>>) => boolean {
  const seen = new WeakMap<Patient, ReadonlyMap<string, number>>()
  return (patient, bounds) => {
    const before = seen.get(patient)
    const behind = new Map<string, number>()
    let isStuck = false
    for (const { topic, partition, expected } of patient.watched()) {
      const end = bounds.get(topic)?.get(partition)?.end
      if (end === undefined || expected >= end) continue
      const key = `${topic}/${partition}`
      behind.set(key, expected)
      if (before?.get(key) === expected) isStuck = true
    }
    if (isStuck) {
      seen.delete(patient)
      patient.renew('it stopped reading')
    } else seen.set(patient, behind)
    return isStuck
  }
}
