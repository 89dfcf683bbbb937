import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type QueryName, type Storage, StorageError } from '@starling/core'
import { gathered } from './gather.ts'

type Asked = readonly [QueryName, readonly unknown[]]

/** A database that answers each argument with itself, and fails where it is told to. */
function scene(fails: (batch: readonly unknown[]) => Error | undefined = () => undefined) {
  const asked: Asked[] = []
  const run = (async (name: QueryName, batch: readonly unknown[]) => {
    asked.push([name, batch])
    const failure = fails(batch)
    if (failure !== undefined) throw failure
    return batch
  }) as unknown as Storage['run']
  const due: (() => void)[] = []
  const all = gathered(run, (go) => void due.push(go))
  return {
    asked,
    run: (name: QueryName, ...batch: readonly string[]) => all(name, batch as never) as unknown as Promise<string[]>,
    turn: () => {
      for (const go of due.splice(0)) go()
    },
  }
}

describe('PostgreSQL: calls of one turn', () => {
  it('become one statement a query, and each gets its own answers', async () => {
    const { run, turn, asked } = scene()
    const answers = Promise.all([run('archive.add', 'a', 'b'), run('document.list', 'x'), run('archive.add', 'c')])
    turn()
    assert.deepEqual(await answers, [['a', 'b'], ['x'], ['c']])
    assert.deepEqual(asked, [
      ['archive.add', ['a', 'b', 'c']],
      ['document.list', ['x']],
    ])
  })

  it('of different turns stay apart', async () => {
    const { run, turn, asked } = scene()
    const first = run('archive.add', 'a')
    turn()
    const second = run('archive.add', 'b')
    turn()
    assert.deepEqual(await Promise.all([first, second]), [['a'], ['b']])
    assert.equal(asked.length, 2)
  })

  it('what runs for long is not waited for by others', async () => {
    const { run, asked } = scene()
    await Promise.all([run('archive.retain', '1'), run('archive.retain', '2')])
    assert.equal(asked.length, 2)
  })

  it('a bug in the arguments of one fails that one alone', async () => {
    const { run, turn } = scene((batch) => (batch.includes('bad') ? new Error('bad') : undefined))
    const answers = Promise.allSettled([run('archive.add', 'a'), run('archive.add', 'bad'), run('archive.add', 'c')])
    turn()
    assert.deepEqual(
      (await answers).map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
  })

  it('a database that is away is asked once', async () => {
    const { run, turn, asked } = scene(() => new StorageError('STORAGE_DOWN', 'away'))
    const answers = Promise.allSettled([run('archive.add', 'a'), run('archive.add', 'b')])
    turn()
    assert.deepEqual(
      (await answers).map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    assert.equal(asked.length, 1)
  })
})
