import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { PodLife, Presence } from '@starling/core'
import fc from 'fast-check'
import { account, hostileLocalparts, type PresenceHarness } from './presence-harness.ts'

/** What the rolls of pod lives promise (DESIGN §3, R6, R7). */
export function rollContract(harness: () => PresenceHarness): void {
  it('R7 a roll holds what was enlisted and not delisted, whoever does it and however often', async () => {
    const [one, two] = [await harness().open('roll'), await harness().open('roll')]
    const life = { slot: 3, epoch: 17 }
    assert.deepEqual(await contents(one, life), [])
    assert.deepEqual(await one.rolls(10), [])
    await one.enlist(life, ['1 a@x', '2 b@x'])
    await two.enlist(life, ['2 b@x', '3 c@x'])
    await two.enlist(life, [])
    assert.deepEqual(await contents(two, life), ['1 a@x', '2 b@x', '3 c@x'])
    for (const presence of [one, two]) await presence.delist(life, ['2 b@x', 'never there'])
    await one.delist(life, [])
    assert.deepEqual(await contents(one, life), ['1 a@x', '3 c@x'])
    assert.deepEqual(await two.rolls(10), [life])
  })

  it('R7 the lives of one slot are apart, and delisting makes no roll', async () => {
    const presence = await harness().open('lives')
    const lives = [
      { slot: 1, epoch: 1 },
      { slot: 1, epoch: 11 },
      { slot: 11, epoch: 1 },
      { slot: 0, epoch: Number.MAX_SAFE_INTEGER },
    ]
    await presence.delist({ slot: 2, epoch: 2 }, ['x'])
    for (const [index, life] of lives.entries()) await presence.enlist(life, [`${index}`])
    for (const [index, life] of lives.entries()) assert.deepEqual(await contents(presence, life), [`${index}`])
    assert.deepEqual(sorted(await presence.rolls(10)), sorted(lives))
  })

  it('entries are any text, and come back as they were', async () => {
    const presence = await harness().open('texts')
    const life = { slot: 0, epoch: 0 }
    const names = hostileLocalparts.map((name) => `7 ${account(name)}`)
    const entries = ['', ' ', '\0', 'a\r\nb', '*1\r\n', '1  a b', '🌹', 'é', 'x'.repeat(4096), ...names]
    await presence.enlist(life, entries)
    assert.deepEqual(await contents(presence, life), [...entries].sort())
    await presence.delist(life, entries)
    assert.deepEqual(await contents(presence, life), [])
  })

  it('a long roll is read and emptied in pages; each holds different entries, at most as many as asked', async () => {
    const presence = await harness().open('pages')
    const life = { slot: 9, epoch: 9 }
    const entries = Array.from({ length: 1234 }, (_, i) => `${i} user${i}@example`)
    await presence.enlist(life, entries)
    const seen = new Set<string>()
    for (;;) {
      const page = await presence.readRoll(life, 500)
      if (page.length === 0) break
      assert.ok(page.length === Math.min(500, entries.length - seen.size))
      for (const entry of page) seen.add(entry)
      await presence.delist(life, page)
    }
    assert.deepEqual([...seen].sort(), [...entries].sort())
  })

  it('a roll ends only when it is empty; ended, it is no longer among the rolls, until somebody enlists', async () => {
    const presence = await harness().open('end')
    const life = { slot: 1, epoch: 5 }
    await presence.endRoll(life)
    await presence.enlist(life, ['a'])
    await presence.endRoll(life)
    assert.deepEqual([await presence.rolls(10), await contents(presence, life)], [[life], ['a']])
    await presence.delist(life, ['a'])
    assert.deepEqual(await presence.rolls(10), [life])
    await presence.endRoll(life)
    await presence.endRoll(life)
    assert.deepEqual(await presence.rolls(10), [])
    await presence.enlist(life, ['late'])
    assert.deepEqual(await presence.rolls(10), [life])
  })

  it('of many rolls the ones not written for longest are told first', async () => {
    const { open, pass } = harness()
    const presence = await open('first')
    const [a, b, c] = [1, 2, 3].map((slot) => ({ slot, epoch: 4 })) as [PodLife, PodLife, PodLife]
    for (const life of [a, b, c, a]) {
      await presence.enlist(life, ['x'])
      await pass(5)
    }
    assert.deepEqual(await presence.rolls(2), [b, c])
    assert.deepEqual(await presence.rolls(10), [b, c, a])
    assert.deepEqual(await presence.rolls(0), [])
  })

  it('a roll not written for its time is forgotten, entries and all; one that is written stays', async () => {
    const { open, pass, rollTtlMs } = harness()
    const presence = await open('forgotten')
    const [gone, kept] = [
      { slot: 1, epoch: 1 },
      { slot: 2, epoch: 1 },
    ]
    await presence.enlist(gone, ['a'])
    await presence.enlist(kept, ['a'])
    for (let i = 0; i < 2; i++) {
      await pass(rollTtlMs / 2)
      await presence.enlist(kept, ['b'])
    }
    assert.deepEqual(await presence.rolls(10), [kept])
    assert.deepEqual([await contents(presence, gone), await contents(presence, kept)], [[], ['a', 'b']])
  })

  it('property: whoever ends rolls meanwhile, what is enlisted and not delisted is found from the index', async () => {
    const { open, runs } = harness()
    const clients = [await open('index'), await open('index'), await open('index')]
    let epoch = 0
    const action = fc.record({ client: fc.nat(2), entry: fc.nat(5), what: fc.constantFrom('enlist', 'end', 'leave') })
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 15 }), async (actions) => {
        const life = { slot: 0, epoch: epoch++ }
        const held = new Set<string>()
        await Promise.all(
          actions.map(async ({ client, entry, what }, index) => {
            const presence = clients[client]
            if (presence === undefined) return
            if (what === 'end') await presence.endRoll(life)
            else if (what === 'enlist') {
              held.add(`stays ${entry}`)
              await presence.enlist(life, [`stays ${entry}`])
            } else {
              await presence.enlist(life, [`goes ${index}`])
              await presence.delist(life, [`goes ${index}`])
              await presence.endRoll(life)
            }
          }),
        )
        const [presence] = clients
        assert.ok(presence)
        assert.deepEqual(await contents(presence, life), [...held].sort())
        const listed = (await presence.rolls(10_000)).some((one) => one.epoch === life.epoch)
        assert.ok(listed || held.size === 0, 'nobody would find it')
      }),
      { numRuns: runs },
    )
  })
}

async function contents(presence: Presence, life: PodLife): Promise<readonly string[]> {
  return [...(await presence.readRoll(life, 10_000))].sort()
}

function sorted(lives: readonly PodLife[]): readonly string[] {
  return lives.map(({ slot, epoch }) => `${slot} ${epoch}`).sort()
}
