import { type QueryArgs, type QueryName, type QueryResult, type Storage, StorageError } from '@starling/core'

/** A call that waits for the others of its turn. */
interface Call {
  readonly batch: readonly QueryArgs<QueryName>[]
  readonly resolve: (results: readonly QueryResult<QueryName>[]) => void
  readonly reject: (error: unknown) => void
}

/** Queries that are left alone: they run for long. */
const alone: ReadonlySet<QueryName> = new Set(['account.delete', 'archive.retain'])

/**
 * Puts the calls of one query that are made in one turn of the event loop together: the partitions of a stage become ready
 * together, and a statement costs ten times what a row in it does.
 * Order: none between calls of one turn, as the port says.
 * Errors: a bug in one call's arguments fails that call alone: when what was put together fails, each is run by itself.
 */
export function gathered(run: Storage['run'], schedule: (run: () => void) => void): Storage['run'] {
  const waiting = new Map<QueryName, Call[]>()

  const flush = (name: QueryName): void => {
    const calls = waiting.get(name) ?? []
    waiting.delete(name)
    const [first] = calls
    if (first !== undefined && calls.length === 1) {
      run(name, first.batch).then(first.resolve, first.reject)
      return
    }
    run(
      name,
      calls.flatMap(({ batch }) => batch),
    ).then(
      (results) => {
        let at = 0
        for (const { batch, resolve } of calls) {
          resolve(results.slice(at, at + batch.length))
          at += batch.length
        }
      },
      (error: unknown) => {
        const isAway = error instanceof StorageError && error.code === 'STORAGE_DOWN'
        for (const { batch, resolve, reject } of calls) {
          if (isAway) reject(error)
          else run(name, batch).then(resolve, reject)
        }
      },
    )
  }

  return <N extends QueryName>(name: N, batch: readonly QueryArgs<N>[]) => {
    if (alone.has(name)) return run(name, batch)
    return new Promise<readonly QueryResult<N>[]>((resolve, reject) => {
      const call = { batch, resolve, reject } as unknown as Call
      const calls = waiting.get(name)
      if (calls !== undefined) {
        calls.push(call)
        return
      }
      waiting.set(name, [call])
      schedule(() => flush(name))
    })
  }
}
