import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPace } from './pace.ts'

function scene() {
  let now = 1_000
  const due: { run: () => void; atMs: number }[] = []
  const pace = createPace({
    intervalMs: 10,
    monotonic: () => now,
    schedule: (run, delayMs) => void due.push({ run, atMs: now + delayMs }),
  })
  const begun: string[] = []
  return {
    begun,
    due,
    begin: (name: string) => void pace.begin().then(() => begun.push(name)),
    hurry: pace.hurry,
    to: async (ms: number) => {
      now = ms
      for (const timer of due.splice(0)) {
        if (timer.atMs <= now) timer.run()
        else due.push(timer)
      }
      for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    },
  }
}

describe('runtime: the pace of batches', () => {
  it('the first after a quiet interval begins at once and arms no timer', async () => {
    const { begin, begun, to, due } = scene()
    begin('a')
    await to(1_000)
    assert.deepEqual(begun, ['a'])
    await to(1_010)
    begin('b')
    await to(1_010)
    assert.deepEqual(begun, ['a', 'b'])
    assert.equal(due.length, 0)
  })

  it('what comes within the interval begins together when it has passed, by one timer', async () => {
    const { begin, begun, to, due } = scene()
    begin('a')
    await to(1_003)
    begin('b')
    begin('c')
    assert.equal(due.length, 1)
    await to(1_009)
    assert.deepEqual(begun, ['a'])
    await to(1_010)
    assert.deepEqual(begun, ['a', 'b', 'c'])
    begin('d')
    await to(1_019)
    assert.deepEqual(begun, ['a', 'b', 'c'])
    await to(1_020)
    assert.deepEqual(begun, ['a', 'b', 'c', 'd'])
  })

  it('hurried, what is held back begins, and what comes within the interval; then the pace is as before', async () => {
    const { begin, begun, to, hurry } = scene()
    begin('a')
    await to(1_001)
    begin('b')
    await to(1_002)
    assert.deepEqual(begun, ['a'])
    hurry()
    await to(1_002)
    begin('c')
    await to(1_003)
    assert.deepEqual(begun, ['a', 'b', 'c'])
    // The timer of what was hurried does not let the next ones go early
    await to(1_011)
    begin('d')
    await to(1_012)
    begin('e')
    await to(1_013)
    assert.deepEqual(begun, ['a', 'b', 'c', 'd'])
    await to(1_021)
    assert.deepEqual(begun, ['a', 'b', 'c', 'd', 'e'])
  })
})
