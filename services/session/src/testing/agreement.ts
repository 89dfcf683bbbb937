import assert from 'node:assert/strict'
import { isSeen, readRoster, seesUs } from '../roster.ts'
import type { World } from './world.ts'

/** Both sides of every subscription say the same. */
export function assertAgreement(world: Pick<World, 'storage'>, names: readonly string[]): void {
  const rosters = new Map(
    names.map((name) => [name, readRoster(world.storage.rosters.get(`${name}@example.org`) as never)?.items]),
  )
  for (const one of names) {
    for (const other of names) {
      if (one === other) continue
      const mine = rosters.get(one)?.get(`${other}@example.org` as never)
      const theirs = rosters.get(other)?.get(`${one}@example.org` as never)
      assert.equal(isSeen(mine), seesUs(theirs), `${one} sees ${other}`)
      // a request that waits is one that was sent; it may have been refused in between, but not invented
      if (theirs?.request !== undefined) assert.ok(mine?.ask, `${other} holds a request of ${one}`)
    }
  }
}
