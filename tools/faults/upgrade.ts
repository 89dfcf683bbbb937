import { setTimeout as sleep } from 'node:timers/promises'
import { root } from '../run.ts'
import type { Fault, Scene } from './fault.ts'

/** Between two pods: both versions work side by side meanwhile. Units: ms. */
const besideMs = 1_000
/** Order of `k8s/upgrade.sh`. */
const order = ['storage', 'routing', 'session', 'connection-manager', 'gateway'] as const

/** Replaces the pods of a service one after another: each drains at SIGTERM, the next one runs from the given tree. */
async function replace({ bed }: Scene, service: string, tree: string): Promise<undefined> {
  for (const { spec } of bed.pods().filter((pod) => pod.spec.service === service)) {
    await bed.signal(spec.name, 'SIGTERM')
    bed.runFrom(spec.name, tree)
    await bed.start(spec.name)
    await sleep(besideMs)
  }
  return undefined
}

/**
 * From the older version to this one, service by service, and back again the same way, as after a doubtful release: between any two
 * steps both versions write what the other reads.
 */
export function upgrade(older: string): readonly Fault[] {
  const step =
    (way: string, tree: string) =>
    (service: string): Fault => ({ name: `${way} of ${service}`, run: (scene) => replace(scene, service, tree) })
  return [...order.map(step('upgrade', root)), ...order.map(step('way back', older))]
}
