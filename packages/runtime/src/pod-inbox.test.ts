import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { memoryPresence } from '@starling/adapters/memory'
import type { Presence } from '@starling/core'
import { openPodInbox } from './pod-inbox.ts'
import { createPublisher } from './publisher.ts'
import { testLog, testLogger, until } from './test-ports.ts'

const times = { leaseMs: 1_000, renewMs: 10, marginMs: 500 }
const monotonic = (): number => performance.now()

async function opened(presence: Presence, t: TestContext) {
  const log = testLog()
  const publisher = await createPublisher(log)
  const logger = testLogger()
  const inbox = await openPodInbox('pod', { log, presence, publisher, logger, clock: () => 0, monotonic, times })
  let fences = 0
  inbox.onFenced(() => {
    fences += 1
  })
  // also after a check that failed: what still waits would keep the process
  t.after(() => void inbox.close().then(() => log.close()))
  return { inbox, logger, fences: () => fences }
}

describe('R7: the lease of a pod', () => {
  it('ends by the pod’s own clock, also while a renewal has no answer; then another is taken', async (t) => {
    const presence = memoryPresence({ clock: monotonic })
    let answers = true
    const renewals: ((isExtended: boolean) => void)[] = []
    const hanging: Presence = {
      ...presence,
      extendSlot: (lease, leaseMs) =>
        answers ? presence.extendSlot(lease, leaseMs) : new Promise((resolve) => renewals.push(resolve)),
    }
    const { inbox, fences } = await opened(hanging, t)
    assert.equal(inbox.isLeased(), true)
    const before = inbox.target(1)
    answers = false
    await until('it fences itself while Redis hangs', () => fences() === 1)
    assert.equal(renewals.length, 1, 'the renewal has no answer yet')
    assert.equal(inbox.isLeased(), false)
    answers = true
    for (const give of renewals) give(false)
    await until('it has a lease again', () => inbox.isLeased())
    assert.notDeepEqual(inbox.target(1), before)
    assert.equal(fences(), 1, 'a late refusal does not end the next lease')
  })

  it('ends at once when Redis gave the slot away, and is taken anew', async (t) => {
    const presence = memoryPresence({ clock: monotonic })
    let isLost = false
    const forgetful: Presence = {
      ...presence,
      extendSlot: async (lease, leaseMs) => {
        if (!isLost) return presence.extendSlot(lease, leaseMs)
        isLost = false
        return false
      },
    }
    const { inbox, logger, fences } = await opened(forgetful, t)
    isLost = true
    await until('it is fenced', () => fences() === 1)
    await until('it has a lease again', () => inbox.isLeased())
    assert.deepEqual(
      logger.events.filter(({ what }) => what === 'slot.lost').map(({ why }) => why),
      ['the lease is another pod’s'],
    )
  })
})
