import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { PresenceHarness } from './presence-harness.ts'

/** What generations and counters promise (R5, DESIGN §3). */
export function numberContract(harness: () => PresenceHarness): void {
  it('R5 each generation of an account is above every one before, whoever takes it', async () => {
    const clients = [await harness().open('generations'), await harness().open('generations')]
    let highest = 0
    for (let i = 0; i < 20; i++) {
      const given = (await clients[i % 2]?.takeGeneration('romeo@montague.example')) ?? Number.NaN
      assert.ok(Number.isSafeInteger(given) && given > highest)
      highest = given
    }
    const asked = Array.from({ length: 40 }, (_, i) => clients[i % 2]?.takeGeneration('romeo@montague.example'))
    const many = await Promise.all(asked)
    assert.equal(new Set(many).size, 40)
    assert.ok(many.every((given) => given !== undefined && given > highest))
  })

  it('a counter adds up, others apart', async () => {
    const presence = await harness().open('counters')
    assert.equal(await presence.addToCounter('a', 1, 60_000), 1)
    assert.equal(await presence.addToCounter('a', 4, 60_000), 5)
    assert.equal(await presence.addToCounter('b', 2, 60_000), 2)
    const sums = await Promise.all(Array.from({ length: 20 }, () => presence.addToCounter('c', 1, 60_000)))
    assert.deepEqual(
      sums.sort((x, y) => x - y),
      Array.from({ length: 20 }, (_, i) => i + 1),
    )
  })

  it('a counter falls to 0 its window after the first addition, which later ones do not prolong', async () => {
    const { open, leaseMs, pass } = harness()
    const presence = await open('windows')
    assert.equal(await presence.addToCounter('a', 5, leaseMs), 5)
    await pass(leaseMs / 2)
    assert.equal(await presence.addToCounter('a', 1, leaseMs * 100), 6)
    await pass(leaseMs / 2)
    assert.equal(await presence.addToCounter('a', 1, leaseMs), 1)
  })
}
