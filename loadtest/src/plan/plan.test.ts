import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readScenario } from '../scenario/read-scenario.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { countUsers, planWorkers } from './plan.ts'

function scenario(users: number): Scenario {
  const text = `users: ${users}\nblocks:\n  - chat:\n      rate: 100\n  - loginStorm:\n      users: 30\n      rate: 5\n`
  const read = readScenario(text, 's.yml')
  assert.ok(read.ok)
  return read.value
}

const options = { domain: 'd', endpoints: [], runTag: 'abc', accounts: [] }

describe('dividing a scenario among workers', () => {
  it('every user has one worker, pairs stay together, rates add up, tags differ', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 300 }), fc.integer({ min: 1, max: 52 }), (users, workers) => {
        const whole = scenario(users)
        const plans = planWorkers(whole, { ...options, workers })
        const places = plans.flatMap(({ slices }) =>
          slices.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i)),
        )
        places.sort((a, b) => a - b)
        assert.deepEqual(
          places,
          Array.from({ length: countUsers(whole.groups) }, (_, i) => i),
        )
        for (const { slices } of plans) for (const { from, to } of slices) assert.equal((to - from) % 2, 0)
        const rate = plans.flatMap(({ blocks }) =>
          blocks.map((block) => (block.kind === 'chat' && block.pace.kind === 'rate' ? block.pace.perSecond : 0)),
        )
        assert.ok(Math.abs(rate.reduce((sum, one) => sum + one, 0) - 100) < 1e-6)
        assert.equal(new Set(plans.map(({ tag }) => tag)).size, workers)
        assert.ok(plans.every(({ tag }) => /^[a-zA-Z]{4}$/.test(tag)))
      }),
    )
  })

  it("a worker gets its users' accounts of a CSV", () => {
    const accounts = Array.from({ length: 34 }, (_, i) => [`u${i}`, 'p'] as const)
    const plans = planWorkers(scenario(4), { ...options, accounts, workers: 2 })
    assert.deepEqual(plans[1]?.accounts[0]?.[0], 'u2')
    assert.equal(plans.flatMap((plan) => plan.accounts).length, 34)
  })
})
