import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { memoryPresence } from '@starling/adapters/memory'
import { hibernationName, type Presence } from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { Drop, Envelope } from '@starling/wire'
import fc from 'fast-check'
import { limits } from './limits.ts'
import { createMeters } from './meters.ts'
import { type DeadSince, keepSweeping, Sweeper, watchLives } from './sweep.ts'
import { createCounts } from './test-support/fake-metrics.ts'

const old = { slot: 1, epoch: 5 }
const none: DeadSince = new Map()
const grace = limits.sweepGraceMs

describe('watchLives: which pods are dead', () => {
  const look = (running: readonly (readonly [number, number])[], nowMs: number) => ({
    rolls: [old],
    running: new Map(running),
    nowMs,
  })

  it('R7: a life whose lease runs is alive, however long it is watched', () => {
    const first = watchLives(none, look([[1, 5]], 0))
    assert.deepEqual([first.since.size, first.dead], [0, []])
    assert.deepEqual(watchLives(first.since, look([[1, 5]], grace * 9)).dead, [])
  })

  it('R7: without its lease it is dead once the grace has passed since that was first seen, not before', () => {
    const first = watchLives(none, look([], 1_000))
    assert.deepEqual(first.dead, [])
    const second = watchLives(first.since, look([], 999 + grace))
    assert.deepEqual(second.dead, [])
    assert.deepEqual(watchLives(second.since, look([], 1_000 + grace)).dead, [old])
  })

  it('R7: a pod that came back in the same slot has another epoch: its old life is dead all the same', () => {
    for (const epoch of [-1, 6]) {
      const { since } = watchLives(none, look([[1, epoch]], 0))
      assert.deepEqual(watchLives(since, look([[1, epoch]], grace)).dead, [old])
    }
  })

  it('a lease seen running again begins the grace anew', () => {
    const gone = watchLives(none, look([], 0))
    const back = watchLives(gone.since, look([[1, 5]], 1))
    const again = watchLives(back.since, look([], grace))
    assert.deepEqual(again.dead, [])
  })

  it('what has no roll any more is forgotten', () => {
    const { since } = watchLives(none, look([], 0))
    assert.equal(watchLives(since, { ...look([], 1), rolls: [] }).since.size, 0)
  })
})

/** The outside of sweepers: one presence, one log, one clock. */
function world() {
  const state = { nowMs: 0, isReady: true, published: [] as Drop[], others: [] as Envelope[] }
  const presence = memoryPresence({ clock: () => state.nowMs })
  const publish = { with: async (_: Envelope): Promise<void> => {} }
  const counts = createCounts()
  const sweeper = (over: Partial<Presence> = {}): Sweeper =>
    new Sweeper({
      meters: createMeters(counts.metrics),
      io: {
        presence: { ...presence, ...over },
        publish: async (_, envelope) => {
          await publish.with(envelope)
          if (envelope.kind === 'drop') state.published.push(envelope)
          else state.others.push(envelope)
        },
        clock: () => 42,
        monotonic: () => state.nowMs,
        random: (bytes) => new Uint8Array(bytes),
        logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
        isReady: () => state.isReady,
      },
    })
  const enlist = (count: number, life = old): Promise<void> =>
    presence.enlist(
      life,
      Array.from({ length: count }, (_, i) => `${i} user${i}@starling.test`),
    )
  return { state, presence, publish, counts, sweeper, enlist }
}

describe('Sweeper', () => {
  let w = world()
  beforeEach(() => {
    w = world()
  })
  /** A round in which the life is first seen, and then the grace. */
  const watched = async (sweeper: Sweeper): Promise<Sweeper> => {
    await sweeper.round()
    w.state.nowMs += grace
    return sweeper
  }

  it('RFC 6121 §4.5.3: writes a drop for every session of a dead pod under its account, and ends its roll', async () => {
    await w.enlist(3)
    const sweeper = await watched(w.sweeper())
    assert.equal(w.state.published.length, 0)
    assert.equal(sweeper.deadLives, 1)
    await sweeper.round()
    assert.deepEqual(
      w.state.published,
      [0, 1, 2].map((connection) => dropOf(connection)),
    )
    assert.deepEqual(await w.presence.rolls(10), [])
    await sweeper.round()
    assert.equal(sweeper.deadLives, 0)
    assert.equal(w.counts.sums.get('starling_c2s_swept_sessions_total'), 3)
  })

  it('R7: routing is told of the death once, before any session is; while the log refuses it, no session is', async () => {
    await w.enlist(limits.sweepPage + 1)
    let isRefused = true
    w.publish.with = async ({ kind }) => {
      if (kind === 'podDied' && isRefused) throw new Error('refused')
      if (kind === 'drop') assert.equal(w.state.others.length, 1)
    }
    const sweeper = await watched(w.sweeper())
    await sweeper.round()
    assert.deepEqual([w.state.published.length, w.state.others.length], [0, 0])
    isRefused = false
    for (let rounds = 0; rounds < 3; rounds++) await sweeper.round()
    assert.equal(w.state.published.length, limits.sweepPage + 1)
    assert.deepEqual(w.state.others, [{ kind: 'podDied', key: '', slot: 1, epoch: 5, atMs: 42 }])
  })

  it('R6: hibernations whose time is over are told and forgotten; what the log refused is told again', async () => {
    const target = { slot: 9, epoch: 8, connection: 7 }
    const name = (user: string): string => hibernationName(target, `${user}@starling.test` as BareJid)
    await w.presence.noteHibernations([
      { name: name('over'), endsAtMs: 41 },
      { name: name('refused'), endsAtMs: 42 },
      { name: name('waits'), endsAtMs: 43 },
      { name: 'rubbish', endsAtMs: 1 },
    ])
    w.publish.with = async ({ key }) => {
      if (key.startsWith('refused')) throw new Error('refused')
    }
    await w.sweeper().round()
    const expired = (user: string) => ({ kind: 'expire', key: `${user}@starling.test`, target, atMs: 42 })
    assert.deepEqual(w.state.others, [expired('over')])
    assert.deepEqual(await w.presence.endedHibernations(42, 10), [name('refused')])
    w.publish.with = async () => {}
    await w.sweeper().round()
    assert.deepEqual(w.state.others, [expired('over'), expired('refused')])
    assert.deepEqual(await w.presence.endedHibernations(99, 10), [name('waits')])
    assert.equal(w.counts.sums.get('starling_c2s_expired_sessions_total'), 3)
  })

  it('touches no pod that lives', async () => {
    const lease = await w.presence.leaseSlot('alive', 1, grace * 10)
    assert.ok(lease)
    await w.presence.extendSlot({ ...lease, epoch: 9 }, grace * 10)
    await w.enlist(3, { slot: lease.slot, epoch: 9 })
    const sweeper = await watched(w.sweeper())
    await sweeper.round()
    assert.equal(w.state.published.length, 0)
    assert.equal((await w.presence.readRoll({ slot: lease.slot, epoch: 9 }, 10)).length, 3)
  })

  it('R2: what the log refused stays in the roll until it is told', async () => {
    await w.enlist(3)
    w.publish.with = async (envelope) => {
      if (envelope.key.startsWith('user1@')) throw new Error('refused')
    }
    const sweeper = await watched(w.sweeper())
    await sweeper.round()
    assert.deepEqual(await w.presence.readRoll(old, 10), ['1 user1@starling.test'])
    assert.deepEqual(await w.presence.rolls(10), [old])
    w.publish.with = async () => {}
    await sweeper.round()
    assert.deepEqual(
      w.state.published.map(({ key }) => key).sort(),
      [0, 1, 2].map((i) => `user${i}@starling.test`),
    )
    assert.deepEqual(await w.presence.rolls(10), [])
  })

  it('R8: one round writes at most sweepPage drops; while there are more the next comes after sweepPageMs', async () => {
    const count = limits.sweepPage * 2 + 1
    await w.enlist(count)
    const sweeper = await watched(w.sweeper())
    const sizes: number[] = []
    for (let rounds = 0; rounds < 3; rounds++) {
      const delayMs = await sweeper.round()
      assert.ok(delayMs >= (rounds < 2 ? limits.sweepPageMs : limits.sweepLookMs / 2))
      sizes.push(w.state.published.length)
    }
    assert.deepEqual(sizes, [limits.sweepPage, limits.sweepPage * 2, count])
    assert.deepEqual(await w.presence.rolls(10), [])
  })

  it('R8: many dead pods share one page', async () => {
    for (let epoch = 0; epoch < 10; epoch++) await w.enlist(100, { slot: 1, epoch })
    const sweeper = await watched(w.sweeper())
    const sizes: number[] = []
    while ((await w.presence.rolls(10)).length > 0) {
      w.state.published = []
      await sweeper.round()
      sizes.push(w.state.published.length)
    }
    assert.equal(sizes[0], limits.sweepPage)
    assert.ok(sizes.every((size) => size <= limits.sweepPage))
    assert.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      1_000,
    )
  })

  it('without lease or log it only waits, and begins the grace anew', async () => {
    await w.enlist(1)
    const sweeper = await watched(w.sweeper())
    w.state.isReady = false
    await sweeper.round()
    w.state.isReady = true
    await sweeper.round()
    assert.equal(w.state.published.length, 0)
    w.state.nowMs += grace
    await sweeper.round()
    assert.equal(w.state.published.length, 1)
  })

  it('R11: presence that was away may have forgotten leases: the grace begins anew, and nothing throws', async () => {
    await w.enlist(1)
    let isAway = false
    const readSlots: Presence['readSlots'] = (slots) =>
      isAway ? Promise.reject(new Error('away')) : w.presence.readSlots(slots)
    const sweeper = await watched(w.sweeper({ readSlots }))
    isAway = true
    assert.ok((await sweeper.round()) >= limits.sweepLookMs / 2)
    isAway = false
    await sweeper.round()
    assert.equal(w.state.published.length, 0)
    assert.equal(w.counts.sums.get('starling_c2s_sweep_faults_total'), 1)
  })

  it('a line that nobody can read is struck out, the others are swept', async () => {
    await w.presence.enlist(old, ['rubbish', '0 user0@starling.test'])
    const sweeper = await watched(w.sweeper())
    await sweeper.round()
    assert.deepEqual(w.state.published, [dropOf(0)])
    assert.deepEqual(await w.presence.rolls(10), [])
  })

  it('property: several sweepers, each failing or dying anywhere: every session is told at least once', async () => {
    const fault = fc.constantFrom('none', 'publish', 'delist', 'readRoll', 'endRoll')
    await fc.assert(
      fc.asyncProperty(fc.nat(40), fc.array(fault, { maxLength: 12 }), async (count, faults) => {
        const each = world()
        await each.enlist(count + 1)
        let now = 'none'
        const broken = (name: 'delist' | 'readRoll' | 'endRoll') =>
          (async (...args: readonly never[]) => {
            if (now === name) throw new Error('died here')
            return (each.presence[name] as (...all: readonly never[]) => Promise<unknown>)(...args)
          }) as never
        const over = { delist: broken('delist'), readRoll: broken('readRoll'), endRoll: broken('endRoll') }
        each.publish.with = async ({ key }) => {
          if (now === 'publish' && key.length % 2 === 0) throw new Error('refused')
        }
        const sweepers = [each.sweeper(over), each.sweeper(over)]
        for (const next of [...faults, 'none', 'none', 'none']) {
          now = next
          await Promise.all(sweepers.map((sweeper) => sweeper.round()))
          each.state.nowMs += grace
        }
        const told = new Set(each.state.published.map(({ target }) => target.connection))
        assert.equal(told.size, count + 1)
        assert.deepEqual(await each.presence.rolls(10), [])
      }),
      { numRuns: 100 },
    )
  })

  it('keepSweeping: looks again after each round, until it is ended', async () => {
    const scheduled: { readonly delayMs: number; readonly run: () => void }[] = []
    let cancelled = 0
    const end = keepSweeping(w.sweeper(), (delayMs, run) => {
      scheduled.push({ delayMs, run })
      return () => cancelled++
    })
    assert.equal(scheduled.length, 1)
    scheduled[0]?.run()
    await new Promise(setImmediate)
    assert.equal(scheduled.length, 2)
    scheduled[1]?.run()
    end()
    await new Promise(setImmediate)
    assert.equal(scheduled.length, 2)
    assert.equal(cancelled, 1)
  })
})

function dropOf(connection: number): Drop {
  const target = { ...old, connection }
  return { kind: 'drop', key: `user${connection}@starling.test`, target, head: { reason: 'pod-died' }, atMs: 42 }
}
