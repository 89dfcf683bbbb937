import type { Settings } from '@starling/core'

/** Services a cluster has pods of, in the order they start. */
export const services = ['storage', 'routing', 'session', 'connection-manager', 'gateway'] as const

/**
 * Partitions and slots on one machine, unless the settings say otherwise. Few partitions fill their records (measured: 4 instead of 8
 * save a quarter of the CPU under full load); no stage has more pods at work than partitions.
 */
export const smallInboxes = { partitions: 4, slots: 16 } as const

/** Name of a service. */
export type Service = (typeof services)[number]

/** A pod as it is to be: its name, ports before the offset, and ports as clients see them. */
export interface PodLayout {
  readonly name: string
  readonly service: Service
  readonly configured: Readonly<Record<string, number>>
  readonly ports: Readonly<Record<string, number>>
}

/** Each service has a last digit of its HTTP ports, so that pods ten apart never meet; clients have 2 and 3, s2s 9. */
const httpDigits: Readonly<Record<Service, number>> = {
  'connection-manager': 0,
  session: 1,
  routing: 4,
  storage: 5,
  gateway: 6,
}

/** Between the ports of two pods of a service. */
const step = 10

/** The pods of a cluster. The first connection-manager has the plain ports, the next ones ten more each. */
export function layOut(settings: Settings, counts: Readonly<Record<Service, number>>): readonly PodLayout[] {
  const { c2s, c2sTls, http } = settings.ports
  return services.flatMap((service) =>
    Array.from({ length: counts[service] }, (_, index): PodLayout => {
      const more = index * step
      const configured: Readonly<Record<string, number>> = {
        ...(service === 'connection-manager' ? { c2s: c2s + more, c2sTls: c2sTls + more } : {}),
        http: http + httpDigits[service] + more,
      }
      const ports = Object.fromEntries(
        Object.entries(configured).map(([name, port]) => [name, port + settings.portOffset]),
      )
      return { name: `${service}-${index + 1}`, service, configured, ports }
    }),
  )
}
