import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../cluster/testing/fault-bed.ts'
import type { Fault, Scene } from './fault.ts'
import type { Member } from './member.ts'

/** Talk goes on while pods tell of their sessions. Units: ms. */
const talkMs = 4_000

/**
 * Redis dies and comes back without its disk. Promised (docs/guarantees.md): connections stay, sessions with stream management go on
 * as if nothing had been, whoever has none stays too; nothing is lost but what Redis alone had for sessions whose clients were away.
 */
export const redisForgets: Fault = {
  name: 'Redis comes back empty',
  run: async (scene) => {
    const { bed, party } = scene
    const names = managers(scene)
    /** Pods that say so since the fault began. */
    const since = (what: string): (() => readonly string[]) => {
      const before = names.map((name) => told(scene, name, what))
      return () => names.filter((name, at) => told(scene, name, what) > (before[at] ?? 0))
    }
    const [fenced, restored] = [since('slot.lost'), since('slot.restored')]
    const steady = party.members.filter(({ isOnline, kind }) => isOnline && !kind.isFlapping)
    const lives = steady.map(livesOf)
    party.ledger.isForgetful = true
    await bed.signal('redis', 'SIGKILL')
    rmSync(bed.folder.path('infrastructure/redis/appendonlydir'), { recursive: true, force: true })
    await bed.start('redis')
    await until(() => restored().length + fenced().length >= names.length, 'leases are taken again, or lost')
    await sleep(talkMs)
    return {
      notes: [`${steady.length} connections were to stay; ${restored().length} pods took their leases again`],
      later: () => [
        ...fenced().map((name) => `${name} has fenced itself`),
        ...steady
          .filter((member, at) => livesOf(member) !== lives[at])
          .map(({ kind, counts }) => `${kind.name} did not stay: ${counts.resumed} resumed, ${counts.began} begun`),
      ],
    }
  },
}

/** Changes whenever its connection did. */
function livesOf({ counts: { resumed, began } }: Member): number {
  return resumed + began
}

function managers({ bed }: Scene): readonly string[] {
  return bed
    .pods()
    .filter(({ spec }) => spec.service === 'connection-manager')
    .map(({ spec }) => spec.name)
}

function told({ bed }: Scene, pod: string, what: string): number {
  return bed.log(pod).filter((line) => line['what'] === what).length
}
