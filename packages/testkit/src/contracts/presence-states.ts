import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Presence, StateKind, StateSave } from '@starling/core'
import type { BareJid } from '@starling/jid'
import fc from 'fast-check'
import { account, bytes, hostileLocalparts, type PresenceHarness, save, texts } from './presence-harness.ts'

/** What the states of accounts promise (R3). */
export function stateContract(harness: () => PresenceHarness): void {
  it('an account never saved has mark -1 and no fields', async () => {
    const presence = await harness().open('never')
    const states = await presence.readStates('session', [account('a'), account('b')])
    assert.deepEqual(
      states.map(({ mark, fields }) => [mark, fields.size]),
      [
        [-1, 0],
        [-1, 0],
      ],
    )
    assert.deepEqual(await presence.readStates('session', []), [])
    assert.deepEqual(await presence.saveStates('session', []), [])
  })

  it('reads what was saved, in the order asked, the two stages apart', async () => {
    const presence = await harness().open('order')
    const saves = [save(account('a'), 0, { x: '1', y: '2' }), save(account('b'), 7, { x: '3' })]
    assert.deepEqual(await presence.saveStates('session', saves), [true, true])
    assert.deepEqual(await presence.saveStates('routing', [save(account('a'), 3, { z: '4' })]), [true])
    const read = await presence.readStates('session', [account('b'), account('none'), account('a'), account('b')])
    assert.deepEqual(
      read.map(({ mark, fields }) => [mark, texts(fields)]),
      [
        [7, { x: '3' }],
        [-1, {}],
        [0, { x: '1', y: '2' }],
        [7, { x: '3' }],
      ],
    )
    assert.deepEqual(await stateOf(presence, 'routing', account('a')), [3, { z: '4' }])
  })

  it('sets and removes fields, leaves the others; what is set and removed at once is set', async () => {
    const presence = await harness().open('fields')
    const a = account('a')
    await presence.saveStates('session', [save(a, 1, { keep: 'k', drop: 'd', both: 'old' })])
    await presence.saveStates('session', [save(a, 2, { both: 'new' }, ['drop', 'both', 'never there'])])
    assert.deepEqual(await stateOf(presence, 'session', a), [2, { both: 'new', keep: 'k' }])
  })

  it('R3 refuses a mark not above the stored one, and changes nothing', async () => {
    const presence = await harness().open('marks')
    const a = account('a')
    assert.deepEqual(await presence.saveStates('routing', [save(a, 10, { x: 'ten' })]), [true])
    const refused = [save(a, 10, { x: 'again' }), save(a, 9, { x: 'lower', y: 'new' }, ['x'])]
    assert.deepEqual(await presence.saveStates('routing', refused), [false, false])
    assert.deepEqual(await presence.saveStates('routing', [save(a, -1, {})]), [false])
    assert.deepEqual(await stateOf(presence, 'routing', a), [10, { x: 'ten' }])
    assert.deepEqual(await presence.saveStates('routing', [save(account('b'), -1, { x: 'never' })]), [false])
  })

  it('works saves of one account in one call in their order', async () => {
    const presence = await harness().open('same')
    const a = account('a')
    const saves = [save(a, 1, { x: '1' }), save(a, 3, { x: '3' }), save(a, 2, { x: '2' })]
    assert.deepEqual(await presence.saveStates('session', saves), [true, true, false])
    assert.deepEqual(await stateOf(presence, 'session', a), [3, { x: '3' }])
  })

  it('compares marks as numbers, up to the largest safe one', async () => {
    const presence = await harness().open('large')
    const a = account('a')
    const large = Number.MAX_SAFE_INTEGER
    const marks = [9, 10, large - 1, large]
    for (const mark of marks)
      assert.deepEqual(await presence.saveStates('session', [save(a, mark, { x: 'y' })]), [true])
    assert.deepEqual(await presence.saveStates('session', [save(a, large - 1, {})]), [false])
    assert.equal((await presence.readStates('session', [a]))[0]?.mark, large)
  })

  it('keeps any bytes and any field names, and copies them', async () => {
    const presence = await harness().open('bytes')
    const a = account('a')
    const all = Uint8Array.from({ length: 256 }, (_, i) => i)
    const view = all.subarray(10, 20)
    const names = ['', 'm', '=', '=m', '__proto__', 'a b', 'a\r\nb', '\0', 'é', '🌹', '-1', 'x'.repeat(1023)]
    const set = new Map<string, Uint8Array>([
      ...names.map((name) => [name, bytes(name)] as const),
      ['all', all],
      ['view', view],
    ])
    set.set('none', new Uint8Array(0))
    await presence.saveStates('session', [{ account: a, mark: 1, set, remove: [] }])
    const expected = new Map([...set].map(([name, value]) => [name, Buffer.from(value).toString('hex')]))
    all.fill(0)
    const [state] = await presence.readStates('session', [a])
    assert.deepEqual(
      new Map([...(state?.fields ?? [])].map(([name, value]) => [name, Buffer.from(value).toString('hex')])),
      expected,
    )
    await presence.saveStates('session', [{ account: a, mark: 2, set: new Map(), remove: [...names, 'all', 'view'] }])
    assert.deepEqual(await stateOf(presence, 'session', a), [2, { none: '' }])
  })

  it('holds many fields and many accounts in one call', async () => {
    const presence = await harness().open('many')
    const wide = Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`field ${i}`, `${i}`]))
    const saves = Array.from({ length: 500 }, (_, i) => save(account(`user${i}`), i, { x: `${i}` }))
    const done = await presence.saveStates('routing', [save(account('wide'), 1, wide), ...saves])
    assert.ok(done.every((saved) => saved))
    assert.deepEqual(await stateOf(presence, 'routing', account('wide')), [1, texts(save(account('w'), 1, wide).set)])
    const read = await presence.readStates(
      'routing',
      Array.from({ length: 500 }, (_, i) => account(`user${i}`)),
    )
    assert.ok(read.every(({ mark, fields }, i) => mark === i && texts(fields)['x'] === `${i}`))
    const removed = await presence.saveStates('routing', [save(account('wide'), 2, { last: '1' }, Object.keys(wide))])
    assert.deepEqual([removed, await stateOf(presence, 'routing', account('wide'))], [[true], [2, { last: '1' }]])
  })

  it('an account left without fields keeps its mark for its time, then is forgotten; with fields it is not', async () => {
    const { open, pass, emptyStateTtlMs } = harness()
    const presence = await open('empty')
    const [gone, back] = [account('gone'), account('back')]
    await presence.saveStates('session', [save(gone, 5, { x: '1' }), save(back, 5, { x: '1' })])
    await presence.saveStates('session', [save(gone, 6, {}, ['x']), save(back, 6, {}, ['x'])])
    assert.deepEqual(await presence.saveStates('session', [save(gone, 6, { x: 'zombie' })]), [false])
    assert.deepEqual(await stateOf(presence, 'session', gone), [6, {}])
    assert.deepEqual(await presence.saveStates('session', [save(back, 7, { x: '2' })]), [true])
    await pass(emptyStateTtlMs)
    assert.deepEqual(await stateOf(presence, 'session', gone), [-1, {}])
    assert.deepEqual(await stateOf(presence, 'session', back), [7, { x: '2' }])
  })

  it('no name of an account reaches another one, its tag or its other keys', async () => {
    const presence = await harness().open('hostile')
    const names = hostileLocalparts.map(account)
    for (const kind of ['session', 'routing'] as const) {
      const saved = await presence.saveStates(
        kind,
        names.map((name, i) => save(name, i, { who: `${kind} ${name}` })),
      )
      assert.ok(saved.every((done) => done))
    }
    for (const kind of ['session', 'routing'] as const) {
      const read = await presence.readStates(kind, names)
      read.forEach((state, i) => {
        assert.deepEqual([state.mark, texts(state.fields)], [i, { who: `${kind} ${names[i]}` }])
      })
    }
    for (const name of names) {
      const first = await presence.takeGeneration(name)
      assert.ok((await presence.takeGeneration(name)) > first)
      assert.equal(await presence.addToCounter(name, 1, 60_000), 1)
    }
  })

  it('property: of concurrent savers the marks only grow, and the state is that of the saves that were told true', async () => {
    const { open, runs } = harness()
    const clients = [await open('savers'), await open('savers'), await open('savers')]
    let run = 0
    const saver = fc.record({
      client: fc.nat(2),
      mark: fc.nat(12),
      field: fc.constantFrom('a', 'b', 'c'),
      remove: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(saver, { minLength: 1, maxLength: 12 }), async (savers) => {
        const name = account(`run${run++}`)
        const results = await Promise.all(
          savers.map(async ({ client, mark, field, remove }, i) => {
            const change: StateSave = remove ? save(name, mark, {}, [field]) : save(name, mark, { [field]: `${i}` })
            const done = await clients[client]?.saveStates('routing', [change])
            return { mark, change, saved: done?.[0] === true }
          }),
        )
        const kept = results.filter(({ saved }) => saved).sort((a, b) => a.mark - b.mark)
        const marks = kept.map(({ mark }) => mark)
        assert.equal(new Set(marks).size, marks.length, 'a mark was saved twice')
        assert.equal(marks.at(-1), Math.max(...savers.map(({ mark }) => mark)), 'the highest mark must win')
        const expected = new Map<string, Uint8Array>()
        for (const { change } of kept) {
          for (const field of change.remove) expected.delete(field)
          for (const [field, value] of change.set) expected.set(field, value)
        }
        const [state] = await (clients[0]?.readStates('routing', [name]) ?? [])
        assert.deepEqual([state?.mark, texts(state?.fields ?? new Map())], [marks.at(-1), texts(expected)])
      }),
      { numRuns: runs },
    )
  })
}

async function stateOf(
  presence: Presence,
  kind: StateKind,
  name: BareJid,
): Promise<readonly [number, Readonly<Record<string, string>>]> {
  const [state] = await presence.readStates(kind, [name])
  assert.ok(state)
  return [state.mark, texts(state.fields)]
}
