import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createDevice, type Device } from './testing/device.ts'
import { createWorld, type World, type ZombieWorks } from './testing/world.ts'

type Step =
  | { readonly does: 'send' | 'sendAnswered' | 'show' | 'breakLine' | 'run' | 'takeOver' }
  | { readonly does: 'late' | 'dropLine' | 'expireLine' | 'repeat'; readonly which: number }
  | { readonly does: 'reconnect'; readonly isTwice: boolean; readonly isYoungerFirst: boolean }
  | { readonly does: 'crash'; readonly after: number }
  | {
      readonly does: 'zombie'
      readonly works: ZombieWorks | undefined
      readonly isWarm: boolean
      readonly batch: number
    }
  | { readonly does: 'cut'; readonly cuts: readonly number[] }
  | { readonly does: 'pack'; readonly envelopes: number }

const which = fc.nat({ max: 7 })
const always: readonly fc.WeightedArbitrary<Step>[] = [
  { weight: 8, arbitrary: fc.record({ does: fc.constantFrom('send' as const, 'sendAnswered' as const) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constantFrom('breakLine' as const, 'run' as const) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('takeOver' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ does: fc.constantFrom('late' as const, 'dropLine' as const, 'repeat' as const), which }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('reconnect' as const),
      isTwice: fc.boolean(),
      isYoungerFirst: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('crash' as const), after: fc.nat(12) }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constant('show' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('cut' as const),
      cuts: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant('pack' as const), envelopes: fc.integer({ min: 1, max: 6 }) }),
  },
]
const zombies = fc.constantFrom<ZombieWorks | undefined>(undefined, 'before', 'overlapping', 'torn', 'after')
const zombie = {
  weight: 2,
  arbitrary: fc.record({
    does: fc.constant('zombie' as const),
    works: zombies,
    isWarm: fc.boolean(),
    batch: fc.integer({ min: 1, max: 4 }),
  }),
}
const step = fc.oneof(zombie, ...always)
const stepOrEnd = fc.oneof(zombie, ...always, {
  weight: 2,
  arbitrary: fc.record({ does: fc.constant('expireLine' as const), which }),
})

async function take(world: World, device: Device, one: Step): Promise<void> {
  switch (one.does) {
    case 'send':
    case 'sendAnswered':
    case 'show':
    case 'breakLine':
      device[one.does]()
      break
    case 'run':
      await world.run()
      break
    case 'takeOver':
      world.takeOver()
      break
    case 'late':
    case 'expireLine':
    case 'repeat':
      device[one.does](one.which)
      break
    case 'dropLine':
      await device.dropLine(one.which)
      break
    case 'reconnect':
      await device.reconnect(one)
      break
    case 'crash':
      world.crashAfter = one.after
      break
    case 'zombie':
      world.zombie = one.works
      world.isZombieWarm = one.isWarm
      world.zombieBatch = one.batch
      break
    case 'cut':
      world.cuts = one.cuts
      break
    case 'pack':
      world.perRecord = one.envelopes
      break
    default:
      one satisfies never
  }
}

/** Plays the steps and lets the device have the last word; returns what reached Juliet. */
async function play(steps: readonly Step[]): Promise<{ device: Device; arrived: readonly string[] }> {
  const world = createWorld(['romeo', 'juliet'])
  const device = await createDevice(world, 'romeo')
  for (const one of steps) await take(world, device, one)
  await device.reconnect({ isTwice: false, isYoungerFirst: false })
  await world.run()
  assert.deepEqual(world.errors, [])
  return { device, arrived: world.routing.messages.map(({ id }) => id) }
}

describe('R3, R5 counts through crashes, zombies, repeated and late records', () => {
  it('a device that resumes finds each of its stanzas handled once, in its order, whatever the network and the owners do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const { device, arrived } = await play(steps)
        assert.equal(device.hasLostSession, false)
        assert.deepEqual(arrived, device.sent)
      }),
      { numRuns: 300 },
    )
  })

  it('R6: where sessions expire too, nothing is handled twice, nothing acknowledged is missing, and order holds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stepOrEnd, { minLength: 5, maxLength: 60 }), async (steps) => {
        const { device, arrived } = await play(steps)
        const handled = new Set(arrived)
        assert.equal(handled.size, arrived.length, 'handled twice')
        assert.deepEqual(
          [...device.acknowledged].filter((id) => !handled.has(id)),
          [],
        )
        assert.deepEqual(
          arrived,
          device.sent.filter((id) => handled.has(id)),
        )
      }),
      { numRuns: 1_000 },
    )
  })
})
