import { setTimeout as sleep } from 'node:timers/promises'
import { root } from '../run.ts'
import type { Fault, Scene } from './fault.ts'

/** Between two pods: both versions work side by side meanwhile. Units: ms. */
const besideMs = 1_000
/** Order of `k8s/upgrade.sh`. */
const order = ['storage', 'routing', 'session', 'connection-manager', 'gateway'] as const

/** Replaces pods of some services one after another: each drains at SIGTERM, the next one runs from the given tree. */
async function replace({ bed }: Scene, services: readonly string[], tree: string): Promise<undefined> {
  for (const service of services) {
    for (const { spec } of bed.pods().filter((pod) => pod.spec.service === service)) {
      await bed.signal(spec.name, 'SIGTERM')
      bed.runFrom(spec.name, tree)
      await bed.start(spec.name)
      await sleep(besideMs)
    }
  }
  return undefined
}

/** From the older version to this one, service by service; one service back and forth again, as after a doubtful release. */
export function upgrade(older: string): readonly Fault[] {
  return [
    ...order.map(
      (service): Fault => ({ name: `upgrade of ${service}`, run: (scene) => replace(scene, [service], root) }),
    ),
    { name: 'session goes back a version', run: (scene) => replace(scene, ['session'], older) },
    { name: 'routing goes back a version', run: (scene) => replace(scene, ['routing'], older) },
    { name: 'both come forward again', run: (scene) => replace(scene, ['routing', 'session'], root) },
  ]
}
