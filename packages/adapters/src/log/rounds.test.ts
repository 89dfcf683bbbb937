import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rounds } from './rounds.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('the schedule in rounds', () => {
  it('what a step asks for, also through promises, runs in the same turn of the event loop, one round after the other', async () => {
    const schedule = rounds()
    const done: string[] = []
    const step = (name: string, then: readonly string[]) => async () => {
      done.push(name)
      for (let at = 0; at < 20; at++) await undefined
      for (const next of then) schedule(step(`${name}${next}`, []), 0)
    }
    schedule(step('a', ['1', '2']), 0)
    schedule(step('b', ['1']), 0)
    assert.deepEqual(done, [])
    await turn()
    assert.deepEqual(done, ['a', 'b', 'a1', 'a2', 'b1'])
  })

  it('R8: after its rounds others have their turn, and it goes on after that', async () => {
    const schedule = rounds(3)
    let steps = 0
    let isOver = false
    const again = (): void => {
      steps++
      if (!isOver) schedule(again, 0) // else no other test, nor the end of the process, would ever have a quiet turn
    }
    schedule(again, 0)
    await turn()
    assert.equal(steps, 4)
    await turn()
    assert.equal(steps, 8)
    isOver = true
  })

  it('a pause is a timer of its own', async () => {
    const schedule = rounds()
    let isDone = false
    schedule(() => {
      isDone = true
    }, 5)
    await turn()
    assert.equal(isDone, false)
    while (!isDone) await new Promise((resolve) => setTimeout(resolve, 1))
  })
})
