import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { breather, paced } from './paced.ts'

/** A clock that stands still until it is moved, and timers that go by it. */
function clocked(
  run: (at: { readonly monotonic: () => number; readonly to: (ms: number) => Promise<void> }) => Promise<void>,
) {
  return async (): Promise<void> => {
    let now = 0
    mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] })
    try {
      await run({
        monotonic: () => now,
        to: async (ms) => {
          const by = ms - now
          now = ms
          mock.timers.tick(by)
          for (let turn = 0; turn < 5; turn++) await Promise.resolve()
        },
      })
    } finally {
      mock.timers.reset()
    }
  }
}

describe('the pace of a lane', () => {
  it(
    'after a quiet interval a request goes at the end of the turn, another only when the interval has passed',
    clocked(async ({ monotonic, to }) => {
      const schedule = paced({ intervalMs: 10, monotonic })
      const ran: number[] = []
      const run = (): void => void ran.push(monotonic())
      schedule(run)
      assert.deepEqual(ran, [])
      await to(0)
      assert.deepEqual(ran, [0])
      await to(3)
      schedule(run)
      await to(9)
      assert.deepEqual(ran, [0])
      await to(10)
      assert.deepEqual(ran, [0, 10])
      await to(25)
      schedule(run)
      await to(25)
      assert.deepEqual(ran, [0, 10, 25])
    }),
  )

  it(
    'without an interval every request goes at the end of its turn',
    clocked(async ({ monotonic, to }) => {
      const schedule = paced({ intervalMs: 0, monotonic })
      const ran: number[] = []
      for (let count = 0; count < 3; count++) {
        schedule(() => void ran.push(monotonic()))
        await to(0)
      }
      assert.deepEqual(ran, [0, 0, 0])
    }),
  )
})

describe('the breath of a reader', () => {
  it(
    'the first waits for nothing; the next waits for the interval, and while it waits others pass',
    clocked(async ({ monotonic, to }) => {
      const breathe = breather({ intervalMs: 10, monotonic })
      const passed: string[] = []
      const ask = (name: string): void => void breathe().then(() => passed.push(name))
      ask('a')
      await to(0)
      assert.deepEqual(passed, ['a'])
      await to(4)
      ask('b')
      ask('c')
      await to(9)
      assert.deepEqual(passed, ['a', 'c'])
      await to(10)
      assert.deepEqual(passed, ['a', 'c', 'b'])
      await to(20)
      ask('d')
      await to(20)
      assert.deepEqual(passed, ['a', 'c', 'b', 'd'])
    }),
  )
})
