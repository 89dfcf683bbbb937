import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { SlotLease } from '@starling/core'
import type { PresenceHarness } from './presence-harness.ts'

/** What the leases of slots promise (R7). */
export function leaseContract(harness: () => PresenceHarness): void {
  it('R7 leases each slot once, and none when all are taken', async () => {
    const { open, leaseMs } = harness()
    const clients = [await open('each'), await open('each')]
    const asked = Array.from({ length: 12 }, (_, i) => clients[i % 2]?.leaseSlot(`pod-${i}`, 8, leaseMs))
    const leases = (await Promise.all(asked)).filter((lease) => lease !== undefined)
    assert.deepEqual(leases.map(({ slot }) => slot).sort(), [0, 1, 2, 3, 4, 5, 6, 7])
    assert.ok(leases.every(({ epoch }) => epoch === -1))
    assert.equal(new Set(leases.map(({ pod }) => pod)).size, 8)
  })

  it('R7 a lease ends by itself; then it cannot be extended, and its slot is free', async () => {
    const { open, leaseMs, pass } = harness()
    const presence = await open('ends')
    const lease = await taken(presence.leaseSlot('a', 1, leaseMs))
    assert.equal(await presence.leaseSlot('b', 1, leaseMs), undefined)
    await pass(leaseMs)
    assert.equal(await presence.extendSlot(lease, leaseMs), false)
    assert.deepEqual(await presence.readSlots([0]), new Map())
    const next = await taken(presence.leaseSlot('b', 1, leaseMs))
    assert.equal(next.slot, 0)
    assert.equal(await presence.extendSlot(lease, leaseMs), false, 'the slot is now another pod’s')
  })

  it('R7 an extended lease lives on, and keeps the epoch that was written into it', async () => {
    const { open, leaseMs, pass } = harness()
    const presence = await open('extend')
    const lease = await taken(presence.leaseSlot('a', 4, leaseMs))
    assert.deepEqual(await presence.readSlots([0, 1, 2, 3]), new Map([[lease.slot, -1]]))
    assert.equal(await presence.extendSlot({ ...lease, epoch: 42 }, leaseMs), true)
    for (let i = 0; i < 3; i++) {
      await pass(leaseMs / 2)
      assert.equal(await presence.extendSlot({ ...lease, epoch: 42 }, leaseMs), true)
    }
    assert.equal(await presence.extendSlot(lease, leaseMs), true, 'without an epoch it is only extended')
    assert.deepEqual(await presence.readSlots([3, 2, 1, 0, 99]), new Map([[lease.slot, 42]]))
    assert.deepEqual(await presence.readSlots([]), new Map())
  })

  it('R7 an earlier epoch neither extends nor ends a lease', async () => {
    const { open, leaseMs } = harness()
    const presence = await open('earlier')
    const lease = await taken(presence.leaseSlot('a', 1, leaseMs))
    assert.equal(await presence.extendSlot({ ...lease, epoch: 7 }, leaseMs), true)
    assert.equal(await presence.extendSlot({ ...lease, epoch: 6 }, leaseMs), false)
    await presence.releaseSlot({ ...lease, epoch: 6 })
    assert.deepEqual(await presence.readSlots([0]), new Map([[0, 7]]))
  })

  it('R7 only its holder can end a lease', async () => {
    const { open, leaseMs } = harness()
    const presence = await open('release')
    const lease = await taken(presence.leaseSlot('a pod', 1, leaseMs))
    await presence.releaseSlot({ ...lease, pod: 'pod' })
    assert.equal(await presence.extendSlot({ ...lease, pod: 'a' }, leaseMs), false)
    assert.equal(await presence.leaseSlot('b', 1, leaseMs), undefined)
    await presence.releaseSlot(lease)
    await presence.releaseSlot(lease)
    assert.equal((await taken(presence.leaseSlot('b', 1, leaseMs))).slot, 0)
  })

  it('R7 a lease is never held by two: each taker that was told yes had the slot for itself', async () => {
    const { open, leaseMs, pass } = harness()
    const clients = await Promise.all(Array.from({ length: 4 }, () => open('two')))
    for (let round = 0; round < 2; round++) {
      const asked = clients.flatMap((client, i) =>
        [0, 1, 2].map((j) => client.leaseSlot(`r${round} c${i} ${j}`, 3, leaseMs)),
      )
      const leases = (await Promise.all(asked)).filter((lease) => lease !== undefined)
      assert.equal(new Set(leases.map(({ slot }) => slot)).size, leases.length)
      assert.equal(leases.length, 3)
      await pass(leaseMs)
    }
  })

  it('R11 a lease that was forgotten is taken again under its epoch, unless somebody else has the slot', async () => {
    const { open, leaseMs, pass } = harness()
    const presence = await open('restore')
    const lease = { ...(await taken(presence.leaseSlot('a', 1, leaseMs))), epoch: 5 }
    assert.equal(await presence.extendSlot(lease, leaseMs), true)
    assert.equal(await presence.restoreSlot(lease, leaseMs), false, 'it runs: it is to be extended')
    await pass(leaseMs)
    assert.equal(await presence.restoreSlot(lease, leaseMs), true)
    assert.deepEqual(await presence.readSlots([0]), new Map([[0, 5]]))
    assert.equal(await presence.extendSlot(lease, leaseMs), true, 'it is extended as before')
    assert.equal(await presence.leaseSlot('b', 1, leaseMs), undefined)
    await pass(leaseMs)
    assert.ok(await presence.leaseSlot('b', 1, leaseMs))
    assert.equal(await presence.restoreSlot(lease, leaseMs), false)
  })

  it('R7, R11 a life that was buried is not restored; one whose lease runs cannot be buried', async () => {
    const { open, leaseMs, pass } = harness()
    const presence = await open('bury')
    const lease = { ...(await taken(presence.leaseSlot('a', 2, leaseMs))), epoch: 5 }
    assert.equal(await presence.extendSlot(lease, leaseMs), true)
    assert.equal(await presence.buryLife({ slot: 0, epoch: 5 }, leaseMs), false, 'it lives')
    assert.equal(await presence.buryLife({ slot: 0, epoch: 4 }, leaseMs), true, 'another has its slot')
    assert.equal(await presence.extendSlot(lease, leaseMs), true, 'whom that does nothing')
    await pass(leaseMs)
    for (let twice = 0; twice < 2; twice++) assert.equal(await presence.buryLife({ slot: 0, epoch: 5 }, leaseMs), true)
    assert.equal(await presence.restoreSlot(lease, leaseMs), false)
    assert.notEqual((await presence.readSlots([0])).get(0), 5, 'nobody takes it for alive')
    assert.equal((await taken(presence.leaseSlot('b', 2, leaseMs))).slot, 1)
    await pass(leaseMs)
    assert.equal((await taken(presence.leaseSlot('c', 2, leaseMs))).slot, 0, 'then its slot is free')
  })
}

async function taken(asked: Promise<SlotLease | undefined>): Promise<SlotLease> {
  const lease = await asked
  assert.ok(lease, 'a slot was free')
  return lease
}
