import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { account, hostileLocalparts, type PresenceHarness } from './presence-harness.ts'

/** What the times of hibernating sessions promise (R6). */
export function hibernationContract(harness: () => PresenceHarness): void {
  it('R6 tells whose time is over, the longest over first, at most as many as asked', async () => {
    const [one, two] = [await harness().open('hibernations'), await harness().open('hibernations')]
    assert.deepEqual(await one.endedHibernations(Number.MAX_SAFE_INTEGER, 10), [])
    const names = Array.from({ length: 40 }, (_, i) => `1 2 ${i} user${i}@example.org`)
    await one.noteHibernations(names.map((name, i) => ({ name, endsAtMs: 1_790_000_000_000 + ((i * 7) % 40) })))
    await one.noteHibernations([])
    const inOrder = Array.from({ length: 40 }, (_, end) => names[(end * 23) % 40])
    assert.deepEqual(await two.endedHibernations(1_789_999_999_999, 100), [])
    assert.deepEqual(await two.endedHibernations(1_790_000_000_000, 100), inOrder.slice(0, 1), 'over at its very ms')
    assert.deepEqual(await two.endedHibernations(1_790_000_000_019, 100), inOrder.slice(0, 20))
    assert.deepEqual(await two.endedHibernations(1_790_000_000_100, 7), inOrder.slice(0, 7))
    assert.deepEqual(await two.endedHibernations(1_790_000_000_100, 0), [])
    await two.forgetHibernations([...inOrder.slice(0, 5).map(String), 'never noted'])
    await two.forgetHibernations([])
    assert.deepEqual(await one.endedHibernations(1_790_000_000_100, 100), inOrder.slice(5))
  })

  it('R6 a name noted again has its new time alone; one that is told is not forgotten by that', async () => {
    const presence = await harness().open('again')
    await presence.noteHibernations([
      { name: 'a', endsAtMs: 100 },
      { name: 'b', endsAtMs: 200 },
      { name: 'b', endsAtMs: 50 },
    ])
    await presence.noteHibernations([{ name: 'a', endsAtMs: 300 }])
    for (let i = 0; i < 2; i++) assert.deepEqual(await presence.endedHibernations(299, 10), ['b'])
    assert.deepEqual(await presence.endedHibernations(300, 10), ['b', 'a'])
  })

  it('names are any text', async () => {
    const presence = await harness().open('names')
    const names = ['', ' ', '\0', 'a\r\nb', '🌹', 'x'.repeat(4096), ...hostileLocalparts.map((name) => account(name))]
    await presence.noteHibernations(names.map((name, i) => ({ name, endsAtMs: i })))
    assert.deepEqual(await presence.endedHibernations(names.length, 100), names)
    await presence.forgetHibernations(names)
    assert.deepEqual(await presence.endedHibernations(names.length, 100), [])
  })

  it('thousands that end at once are read and forgotten in pages, each once', async () => {
    const presence = await harness().open('pages')
    const names = Array.from({ length: 5000 }, (_, i) => `${i}`)
    await presence.noteHibernations(names.map((name) => ({ name, endsAtMs: 7 })))
    const seen: string[] = []
    for (;;) {
      const page = await presence.endedHibernations(7, 700)
      if (page.length === 0) break
      assert.equal(page.length, Math.min(700, names.length - seen.length))
      seen.push(...page)
      await presence.forgetHibernations(page)
    }
    assert.deepEqual(seen.sort(), [...names].sort())
  })

  it('property: what is told is what was noted last and not forgotten', async () => {
    const { open, runs } = harness()
    const clients = [await open('property'), await open('property')]
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
    const action = fc.oneof(
      fc.record({ do: fc.constant('note' as const), name, endsAtMs: fc.nat(20) }),
      fc.record({ do: fc.constant('forget' as const), name }),
      fc.record({ do: fc.constant('read' as const), nowMs: fc.nat(20), limit: fc.nat(4) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 20 }), async (actions) => {
        await clients[0]?.forgetHibernations(['a', 'b', 'c', 'd', 'e', 'f'])
        const noted = new Map<string, number>()
        for (const [index, one] of actions.entries()) {
          const presence = clients[index % 2]
          assert.ok(presence)
          if (one.do === 'note') {
            await presence.noteHibernations([one])
            noted.set(one.name, one.endsAtMs)
          } else if (one.do === 'forget') {
            await presence.forgetHibernations([one.name])
            noted.delete(one.name)
          } else {
            const told = await presence.endedHibernations(one.nowMs, one.limit)
            const over = [...noted.values()].filter((end) => end <= one.nowMs).sort((x, y) => x - y)
            assert.deepEqual(
              told.map((each) => noted.get(each)),
              over.slice(0, one.limit),
            )
            assert.equal(new Set(told).size, told.length)
          }
        }
      }),
      { numRuns: runs },
    )
  })
}
