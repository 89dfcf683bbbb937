import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ArchivePage, ArchiveQuery, ArchiveRow } from '@starling/core'
import fc from 'fast-check'
import { archived, idOf, juliet, nurse, type StorageBench, someTimeMs } from './storage-harness.ts'

type Filter = Pick<ArchiveQuery, 'with' | 'startMs' | 'endMs' | 'ids'>

// Times neither ascend with the ids nor stay in one month.
const messages = fc.array(
  fc.record({ peer: fc.constantFrom(juliet, nurse), atMs: fc.nat(70).map((day) => someTimeMs + day * 86_400_000) }),
  { maxLength: 25 },
)
const filters = fc.record(
  {
    with: fc.constantFrom(juliet, nurse),
    startMs: fc.nat(70).map((day) => someTimeMs + day * 86_400_000),
    endMs: fc.nat(70).map((day) => someTimeMs + day * 86_400_000),
    idPlaces: fc.uniqueArray(fc.nat(24), { maxLength: 12 }),
  },
  { requiredKeys: [] },
)

/** The contract of `archive.page`: keyset pages. Source: XEP-0313 §4, XEP-0059 §2. */
export function storagePages({ run, one, account, harness }: StorageBench): void {
  describe('archive pages', () => {
    for (const direction of ['first', 'last'] as const) {
      it(`XEP-0059 §2: walking ${direction} by pages of any size gives all that match once, ascending`, async () => {
        await fc.assert(
          fc.asyncProperty(
            messages,
            filters,
            fc.integer({ min: 1, max: 9 }),
            async (drawn, { idPlaces, ...rest }, limit) => {
              const owner = await account()
              const rows = drawn.map((message, place) => archived(owner, place, message))
              await run('archive.add', rows)
              const ids = idPlaces?.filter((place) => place < rows.length).map(idOf)
              const filter: Filter = ids === undefined ? rest : { ...rest, ids }
              const expected = rows.filter((row) => isMatch(row, filter)).map((row) => row.id)
              assert.deepEqual(await walk({ owner, direction, limit, ...filter }), expected)
            },
          ),
          { numRuns: harness().runs },
        )
      })
    }

    it('walks between two ids', async () => {
      const owner = await account()
      await run(
        'archive.add',
        Array.from({ length: 20 }, (_, place) => archived(owner, place)),
      )
      const page = { owner, limit: 3, afterId: idOf(4), beforeId: idOf(9) } as const
      const [first, last] = await run('archive.page', [
        { ...page, direction: 'first' },
        { ...page, direction: 'last' },
      ])
      assert.deepEqual(
        first?.rows.map((row) => row.id),
        [5, 6, 7].map(idOf),
      )
      assert.deepEqual(
        last?.rows.map((row) => row.id),
        [6, 7, 8].map(idOf),
      )
      assert.deepEqual([first?.isComplete, last?.isComplete], [false, false])
    })

    it('XEP-0059 §2.6: an empty page says only whether anything matches', async () => {
      const owner = await account()
      await run('archive.add', [archived(owner, 1)])
      const base = { owner, direction: 'first', limit: 0 } as const
      assert.deepEqual(await run('archive.page', [base, { ...base, direction: 'last' }, { ...base, with: nurse }]), [
        { rows: [], isComplete: false },
        { rows: [], isComplete: false },
        { rows: [], isComplete: true },
      ])
    })

    it('answers many different queries of one batch, each in its place', async () => {
      const owners = await Promise.all(Array.from({ length: 5 }, () => account()))
      await run(
        'archive.add',
        owners.flatMap((owner, index) => [1, 2, 3].map((place) => archived(owner, place + index))),
      )
      const queries = Array.from({ length: 300 }, (_, index): ArchiveQuery => {
        const owner = owners[index % 5] ?? juliet
        const shape = { owner, direction: index % 2 === 0 ? 'first' : 'last', limit: 2 } as const
        if (index % 3 === 1) return { ...shape, with: juliet }
        return index % 3 === 2 ? { ...shape, ids: [idOf((index % 5) + 2)] } : shape
      })
      const pages = await run('archive.page', queries)
      const expected = queries.map((query, index) => {
        const start = index % 5
        if (query.ids !== undefined) return [start + 2]
        return query.direction === 'first' ? [start + 1, start + 2] : [start + 2, start + 3]
      })
      assert.deepEqual(
        pages.map((page) => page.rows.map((row) => Number(row.id.slice(1)))),
        expected,
      )
      assert.ok(pages.every((page, index) => page.rows.every((row) => row.owner === queries[index]?.owner)))
    })
  })

  async function walk(query: ArchiveQuery): Promise<readonly string[]> {
    let found: readonly string[] = []
    let next = query
    for (let pages = 0; pages < 100; pages++) {
      const page: ArchivePage = await one('archive.page', next)
      const ids = page.rows.map((row) => row.id)
      assert.equal(page.unknownId, undefined)
      assert.ok(ids.length <= query.limit)
      const isForward = query.direction === 'first'
      found = isForward ? [...found, ...ids] : [...ids, ...found]
      if (page.isComplete) return found
      assert.equal(ids.length, query.limit, 'a page that is not complete is full')
      const edge = isForward ? ids.at(-1) : ids[0]
      if (edge === undefined) break
      next = isForward ? { ...query, afterId: edge } : { ...query, beforeId: edge }
    }
    throw new Error('the walk does not end')
  }
}

function isMatch(row: ArchiveRow, filter: Filter): boolean {
  return (
    (filter.with === undefined || row.peer === filter.with) &&
    (filter.startMs === undefined || row.atMs >= filter.startMs) &&
    (filter.endMs === undefined || row.atMs <= filter.endMs) &&
    (filter.ids === undefined || filter.ids.includes(row.id))
  )
}
