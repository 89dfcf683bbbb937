import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Decision, Presence, Proposal } from '@starling/core'
import type { BareJid } from '@starling/jid'
import fc from 'fast-check'
import { account, bytes, type PresenceHarness, save, texts } from './presence-harness.ts'

/** What decisions promise (R3). */
export function decisionContract(harness: () => PresenceHarness): void {
  it('R3: the first proposal is decided, its own bytes come back, and others are told it, however far it must reach', async () => {
    const presence = await harness().open('decide')
    const a = account('a')
    await presence.saveStates('session', [save(a, 5, { x: '1' })])
    const mine = proposal(a, 5, { until: 7, text: 'mine' })
    const [taken] = await presence.decideStates('session', [mine])
    assert.ok(taken !== undefined && taken !== 'stale')
    assert.equal(taken.bytes, mine.bytes)
    assert.deepEqual(shown(taken), [7, 'mine'])
    assert.deepEqual(await decide(presence, proposal(a, 5, { until: 6, text: 'theirs' })), [7, 'mine'])
    assert.deepEqual(await decide(presence, proposal(a, 5, { until: 9, text: 'third' })), [9, 'mine'])
    assert.deepEqual(await decide(presence, proposal(a, 5, { until: 8, text: 'fourth' })), [9, 'mine'])
    const [state] = await presence.readStates('session', [a])
    assert.deepEqual([state?.mark, texts(state?.fields ?? new Map())], [5, { x: '1' }])
    assert.deepEqual(shown(state?.decision), [9, 'mine'])
    const [other] = await presence.readStates('routing', [a])
    assert.equal(other?.decision, undefined)
  })

  it('R3: a proposal for another mark than the stored one is stale, and decides nothing', async () => {
    const presence = await harness().open('stale')
    const a = account('a')
    await presence.saveStates('session', [save(a, 5, { x: '1' })])
    for (const mark of [-1, 4, 6])
      assert.equal(await decide(presence, proposal(a, mark, { until: 9, text: 'x' })), 'stale')
    assert.equal((await presence.readStates('session', [a]))[0]?.decision, undefined)
  })

  it('several accounts in one call, in the order asked; no bytes at all are a decision too; bytes are copied', async () => {
    const presence = await harness().open('many decisions')
    const [a, b] = [account('a'), account('b')]
    const given = { account: b, mark: -1, until: 0, bytes: bytes('bb') }
    const decided = await presence.decideStates('session', [
      proposal(a, -1, { until: 3, text: '' }),
      proposal(a, -1, { until: 4, text: 'again' }),
      proposal(b, 2, { until: 4, text: 'stale' }),
      given,
    ])
    assert.deepEqual(decided.map(shown), [[3, ''], [4, ''], 'stale', [0, 'bb']])
    given.bytes.fill(0)
    const read = await presence.readStates('session', [b, a])
    assert.deepEqual(
      read.map(({ mark, fields, decision }) => [mark, fields.size, shown(decision)]),
      [
        [-1, 0, [0, 'bb']],
        [-1, 0, [4, '']],
      ],
    )
    assert.deepEqual(await presence.decideStates('session', []), [])
  })

  it('a decision ends with the save that reaches as far', async () => {
    const { open, pass, emptyStateTtlMs } = harness()
    const presence = await open('ends')
    const [a, b] = [account('a'), account('b')]
    for (const name of [a, b]) await decide(presence, proposal(name, -1, { until: 7, text: 'x' }))
    assert.deepEqual(await presence.saveStates('session', [save(a, 7, { x: '1' }), save(b, 8, {})]), [true, true])
    const read = await presence.readStates('session', [a, b])
    assert.deepEqual(
      read.map(({ mark, fields, decision }) => [mark, texts(fields), decision]),
      [
        [7, { x: '1' }, undefined],
        [8, {}, undefined],
      ],
    )
    // what was decided for an account without a state does not let the state end
    await pass(emptyStateTtlMs)
    const later = await presence.readStates('session', [a, b])
    assert.deepEqual(
      later.map(({ mark }) => mark),
      [7, -1],
    )
  })

  it('a save short of the decision changes nothing, unless it says what the decision is at its mark', async () => {
    const presence = await harness().open('short')
    const a = account('a')
    await presence.saveStates('session', [save(a, 1, { x: '1' })])
    await decide(presence, proposal(a, 1, { until: 9, text: 'at 1' }))
    assert.deepEqual(await presence.saveStates('session', [save(a, 5, { x: '5' })]), [false])
    const nearer = { ...save(a, 5, { x: '5' }), decision: { until: 8, bytes: bytes('at 5') } }
    assert.deepEqual(await presence.saveStates('session', [nearer]), [false])
    assert.deepEqual(shown((await presence.readStates('session', [a]))[0]?.decision), [9, 'at 1'])
    const enough = { ...nearer, decision: { until: 9, bytes: bytes('at 5') } }
    assert.deepEqual(await presence.saveStates('session', [enough]), [true])
    const [state] = await presence.readStates('session', [a])
    assert.deepEqual(
      [state?.mark, texts(state?.fields ?? new Map()), shown(state?.decision)],
      [5, { x: '5' }, [9, 'at 5']],
    )
    assert.equal(await decide(presence, proposal(a, 1, { until: 9, text: 'late' })), 'stale')
    assert.deepEqual(await presence.saveStates('session', [save(a, 9, {})]), [true])
    assert.equal((await presence.readStates('session', [a]))[0]?.decision, undefined)
  })

  it('property: of concurrent owners at one mark all are told the same bytes', async () => {
    const { open, runs } = harness()
    const clients = [await open('owners'), await open('owners'), await open('owners')]
    let run = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ client: fc.nat(2), until: fc.nat(9) }), { minLength: 1 }),
        async (owners) => {
          const name = account(`run${run++}`)
          const told = await Promise.all(
            owners.map(async ({ client, until }, i) =>
              clients[client]?.decideStates('session', [proposal(name, -1, { until, text: `${i}` })]),
            ),
          )
          const decided = told.map((one) => one?.[0])
          const texts = decided.map((one) => (one === undefined || one === 'stale' ? undefined : shown(one)[1]))
          assert.equal(new Set(texts).size, 1)
          for (const [i, one] of decided.entries())
            assert.ok(one !== undefined && one !== 'stale' && one.until >= (owners[i]?.until ?? 0))
          const [state] = (await clients[0]?.readStates('session', [name])) ?? []
          assert.deepEqual(shown(state?.decision), [Math.max(...owners.map(({ until }) => until)), texts[0]])
        },
      ),
      { numRuns: runs },
    )
  })
}

function proposal(of: BareJid, mark: number, what: { readonly until: number; readonly text: string }): Proposal {
  return { account: of, mark, until: what.until, bytes: bytes(what.text) }
}

async function decide(presence: Presence, one: Proposal): Promise<readonly [number, string] | string> {
  const [decided] = await presence.decideStates('session', [one])
  return decided === 'stale' ? decided : shown(decided)
}

function shown(decided: Decision | 'stale' | undefined): readonly [number, string] {
  if (decided === undefined || decided === 'stale') return decided as never
  return [decided.until, Buffer.from(decided.bytes).toString()]
}
