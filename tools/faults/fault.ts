import type { FaultBed } from '../cluster/testing/fault-bed.ts'
import type { Party } from './party.ts'

/** Where a fault happens. */
export interface Scene {
  readonly bed: FaultBed
  readonly party: Party
  /** A number from 0 up to 1. */
  readonly random: () => number
}

/** What a fault has to say for itself, beside what becomes of the party's messages. */
export interface Findings {
  /** Measured. */
  readonly notes?: readonly string[]
  /** Promises that were not kept. */
  readonly broken?: readonly string[]
  /** Why it did not happen here. */
  readonly skipped?: string
  /** Asked when all has settled: promises that were not kept, as is known only then. */
  readonly later?: () => readonly string[]
}

/** One fault: what is done to the cluster, and undone. */
export interface Fault {
  readonly name: string
  /** Does it and brings everything back. */
  readonly run: (scene: Scene) => Promise<Findings | undefined>
}

/** Services that a party's stanzas pass through. */
export const services = ['connection-manager', 'session', 'routing', 'storage'] as const

/** One of them. */
export type Service = (typeof services)[number]

/** One pod of a service, by chance. */
export function pick({ bed, random }: Scene, service: Service): string {
  const pods = bed.pods().filter(({ spec }) => spec.service === service)
  return pods[Math.floor(random() * pods.length)]?.spec.name ?? `${service}-1`
}
