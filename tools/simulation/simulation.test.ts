import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mutations } from './flaws.ts'
import { regressions } from './regressions.ts'
import { simulate } from './simulate.ts'

// So that a busy machine gets through; npm run simulate does more
const budgetMs = 9_000
const leastSeeds = 40
const mostSeeds = 600

const again = (seed: number): string => `again: npm run simulate -- --seed ${seed} --trace`

describe('the simulation: DESIGN §2 under crashes, zombies, delays and repetitions', () => {
  for (const { seed, because } of regressions) {
    it(`seed ${seed}: ${because}`, async () => {
      const { violations } = await simulate(seed)
      assert.deepEqual(violations, [], again(seed))
    })
  }

  it('keeps every promise, seed after seed', async () => {
    const endMs = performance.now() + budgetMs
    let acknowledged = 0
    for (let seed = 0; seed < leastSeeds || (seed < mostSeeds && performance.now() < endMs); seed++) {
      const run = await simulate(seed)
      assert.deepEqual(run.violations, [], again(seed))
      acknowledged += run.acknowledged
    }
    assert.ok(acknowledged > leastSeeds, 'clients hardly got a word in')
  })

  it('is the same again: a seed is a whole history', async () => {
    const lines: string[][] = [[], []]
    for (const trace of lines) await simulate(7, { onTrace: (line) => trace.push(line) })
    assert.ok((lines[0]?.length ?? 0) > 100)
    assert.deepEqual(lines[0], lines[1])
  })
})

describe('the simulation notices', () => {
  // Those that show within a few seeds; docs/simulation.md has all
  for (const name of [
    'acks-first',
    'saves-first',
    'loses-causes',
    'ignores-ordinals',
    'loses-queues',
    'drops-as-closed',
  ]) {
    it(`${mutations[name]?.rule}`, async () => {
      const flaws = mutations[name]?.flaws ?? {}
      let isCaught = false
      for (let seed = 0; seed < 200 && !isCaught; seed++)
        isCaught = (await simulate(seed, { flaws })).violations.length > 0
      assert.ok(isCaught)
    })
  }
})
