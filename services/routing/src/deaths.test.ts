import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Deaths, deathsSave, isDeadAt, maxOlderDeaths, readDeaths, withDeath } from './deaths.ts'

const target = { slot: 3, epoch: 10, connection: 1 }
const death = (epoch: number, offset: number, slot = 3) => ({ slot, epoch, at: { offset, index: 1 } })
/** Saved by a batch that begins at `firstOffset`, and read again. */
const kept = (deaths: Deaths, firstOffset: number): Deaths => {
  const save = deathsSave(0, { before: new Map(), after: deaths, mark: 9, firstOffset })
  return readDeaths({ mark: 9, fields: save?.set ?? new Map() })
}

describe('R7: the deaths of pods, as the log holds them', () => {
  it('R3: a record before a death finds the pod alive, also when the death is saved already', () => {
    const deaths = kept(withDeath(new Map(), death(10, 5)), 0)
    const at = (offset: number, index: number) => isDeadAt(deaths, target, { offset, index })
    assert.deepEqual([at(4, 9), at(5, 0), at(5, 1), at(5, 2), at(6, 0)], [false, false, false, true, true])
  })

  it('a later life of the slot is not concerned, an earlier one is', () => {
    const deaths = withDeath(new Map(), death(10, 5))
    const isDead = (epoch: number, slot = 3) =>
      isDeadAt(deaths, { slot, epoch, connection: 1 }, { offset: 6, index: 0 })
    assert.deepEqual([isDead(9), isDead(10), isDead(11), isDead(10, 4)], [true, true, false, false])
  })

  it('told again, or late, it changes nothing', () => {
    const deaths = withDeath(new Map(), death(10, 5))
    assert.equal(withDeath(deaths, death(10, 6)), deaths)
    assert.equal(withDeath(deaths, death(9, 6)), deaths)
  })

  it('R8: the newest of each slot stays, of older ones the last and those that a repetition may ask for', () => {
    let deaths: Deaths = new Map()
    for (let n = 0; n < 100; n++) deaths = withDeath(deaths, death(n, n))
    assert.deepEqual([kept(deaths, 1_000).get(3)?.length, kept(deaths, 40).get(3)?.length], [maxOlderDeaths + 1, 60])
    assert.equal(kept(deaths, 1_000).get(3)?.at(-1)?.epoch, 99)
  })
})
