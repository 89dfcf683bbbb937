import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { memoryPresence } from '@starling/adapters/memory'
import type { Presence } from '@starling/core'
import { type Envelope, encodeEnvelope, inboxes } from '@starling/wire'
import { openPodInbox } from './pod-inbox.ts'
import { createPublisher } from './publisher.ts'
import { testLog, testLogger, until } from './test-ports.ts'

const times = { leaseMs: 1_000, renewMs: 10, marginMs: 500 }
const monotonic = (): number => performance.now()

async function opened(presence: Presence, t: TestContext, leaseTimes = times) {
  const log = testLog()
  const publisher = await createPublisher(log)
  const logger = testLogger()
  const inbox = await openPodInbox('pod', {
    log,
    presence,
    publisher,
    logger,
    clock: () => 0,
    monotonic,
    times: leaseTimes,
  })
  let fences = 0
  inbox.onFenced(() => {
    fences += 1
  })
  // also after a check that failed: what still waits would keep the process
  t.after(() => void inbox.close().then(() => log.close()))
  return { inbox, log, logger, fences: () => fences }
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

  it('a renewal that failed is tried again long before the lease ends', async (t) => {
    const presence = memoryPresence({ clock: monotonic })
    let isAway = false
    const leased: boolean[] = []
    const flaky: Presence = {
      ...presence,
      extendSlot: async (lease, leaseMs) => {
        if (!isAway) return presence.extendSlot(lease, leaseMs)
        leased.push(inbox.isLeased())
        isAway = leased.length < 3
        if (isAway) throw new Error('Redis is away')
        return presence.extendSlot(lease, leaseMs)
      },
    }
    // two regular renewals do not fit in a lease
    const { inbox, fences } = await opened(flaky, t, { leaseMs: 4_500, renewMs: 2_500, marginMs: 500 })
    isAway = true
    await until('it is tried three times', () => leased.length === 3)
    assert.deepEqual(leased, [true, true, true])
    assert.equal(fences(), 0)
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

  it('R11: forgotten while it runs, it is taken again with the same epoch, and the pod is told', async (t) => {
    const presence = memoryPresence({ clock: monotonic })
    const { inbox, logger, fences } = await opened(presence, t)
    let restorations = 0
    inbox.onRestored(() => {
      restorations += 1
    })
    const { slot, epoch } = inbox.target(0)
    const forget = async (): Promise<void> => {
      const holder = logger.events.find(({ what }) => what === 'slot.leased')?.['holder']
      await presence.releaseSlot({ slot, epoch, pod: String(holder) })
    }
    await forget()
    await until('it is restored', () => restorations === 1)
    assert.equal(inbox.isLeased(), true)
    assert.deepEqual(inbox.target(0), { slot, epoch, connection: 0 })
    assert.deepEqual(await presence.readSlots([slot]), new Map([[slot, epoch]]))
    // R7: somebody was quicker
    await forget()
    assert.equal(await presence.buryLife({ slot, epoch }, 10_000), true)
    await until('it is fenced', () => fences() === 1)
    await until('it has a lease again', () => inbox.isLeased())
    assert.notDeepEqual(inbox.target(0), { slot, epoch, connection: 0 })
    assert.equal(restorations, 1)
  })
})

describe('what a pod reads', () => {
  it('an answer and what follows from it come before what stands behind them, also in one record', async (t) => {
    const { inbox, log } = await opened(memoryPresence({ clock: monotonic }), t)
    const order: string[] = []
    inbox.onEnvelopes((envelopes) => {
      for (const { kind, ...one } of envelopes)
        order.push('head' in one ? `${kind} ${(one.head as { text: string }).text}` : kind)
    })
    const target = inbox.target(7)
    const base = { key: '', atMs: 0, target }
    const close = (text: string): Envelope => ({ ...base, kind: 'close', head: { condition: 'conflict', text } })
    const follow = async (name: string): Promise<void> => {
      await inbox.ask('romeo@localhost', { query: 'account.list', args: { after: '', limit: 1 } }, 10_000)
      for (let step = 0; step < 10; step++) await Promise.resolve()
      order.push(name)
    }
    const following = [follow('first'), follow('second')]
    const answer = (question: number): Envelope => ({ ...base, kind: 'answer', head: { question, result: null } })
    const record = [close('before'), answer(1), close('between'), answer(2), close('after')]
    await log.produce(inboxes.pod.topic, target.slot, record.map(encodeEnvelope))
    await Promise.all(following)
    await until('all is read', () => order.length === 5)
    assert.deepEqual(order, ['close before', 'first', 'close between', 'second', 'close after'])
  })

  it('R7: what was written for an earlier pod of its slot is none of its business', async (t) => {
    const { inbox, log } = await opened(memoryPresence({ clock: monotonic }), t)
    const heard: string[] = []
    inbox.onEnvelopes((envelopes) => {
      for (const one of envelopes) if (one.kind === 'close') heard.push(one.head.text)
    })
    const target = inbox.target(1)
    const close = (text: string, epoch: number): Envelope => ({
      ...{ kind: 'close', key: '', atMs: 0, target: { ...target, epoch } },
      head: { condition: 'conflict', text },
    })
    const record = [close('earlier', target.epoch - 1), close('later', target.epoch + 1), close('own', target.epoch)]
    await log.produce(inboxes.pod.topic, target.slot, record.map(encodeEnvelope))
    await until('its own is read', () => heard.includes('own'))
    assert.deepEqual(heard, ['own'])
  })
})
