import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ArchiveQuery } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { archived, idOf, juliet, nurse, type StorageBench, someTimeMs } from './storage-harness.ts'

/** The contract of `archive.*`, walking pages excepted. Source: XEP-0313. */
export function storageArchive({ run, one, stranger, account }: StorageBench): void {
  const ids = async (query: Omit<ArchiveQuery, 'direction' | 'limit'> & Partial<ArchiveQuery>) => {
    const { rows } = await one('archive.page', { direction: 'first', limit: 100, ...query })
    return rows.map((row) => Number(row.id.slice(1)))
  }

  describe('the archive', () => {
    it('keeps each message once, in the order of ids, not of times', async () => {
      const owner = await account()
      const rows = [
        archived(owner, 1, { atMs: Date.UTC(2026, 5, 30, 23, 59, 59, 999), peerResource: "bal'cony/{1}" }),
        archived(owner, 2, { atMs: Date.UTC(2024, 0, 1), peer: nurse }),
        archived(owner, 3, { atMs: Date.UTC(2026, 6, 1) }),
        archived(owner, 4, { atMs: 1 }),
        archived(owner, 5, { atMs: Date.UTC(2300, 0, 1) }),
      ]
      for (let times = 0; times < 2; times++) await run('archive.add', [...rows.toReversed(), ...rows])
      const page = await one('archive.page', { owner, direction: 'first', limit: 9 })
      assert.deepEqual(page, { rows, isComplete: true })
    })

    it('ignores messages of owners without an account, and answers for them', async () => {
      const [nobody, owner] = [stranger(), await account()]
      await run('archive.add', [archived(nobody, 1), archived(owner, 2)])
      const pages = await run('archive.page', [
        { owner: nobody, direction: 'last', limit: 5 },
        { owner, direction: 'last', limit: 5 },
        { owner: nobody, direction: 'last', limit: 5, ids: [idOf(1)] },
      ])
      assert.deepEqual(pages, [
        { rows: [], isComplete: true },
        { rows: [archived(owner, 2)], isComplete: true },
        { rows: [], isComplete: true, unknownId: idOf(1) },
      ])
    })

    it('XEP-0313 §4.1.1: filters by the other side, bare or full', async () => {
      const owner = await account()
      await run('archive.add', [
        archived(owner, 1, { peerResource: 'balcony' }),
        archived(owner, 2, { peer: nurse, peerResource: 'balcony' }),
        archived(owner, 3),
        archived(owner, 4, { peerResource: 'a/b' }),
        archived(owner, 5, { peer: owner }),
      ])
      assert.deepEqual(await ids({ owner, with: juliet }), [1, 3, 4])
      assert.deepEqual(await ids({ owner, with: juliet, direction: 'last', limit: 2 }), [3, 4])
      assert.deepEqual(await ids({ owner, withFull: `${juliet}/balcony` }), [1])
      assert.deepEqual(await ids({ owner, withFull: `${juliet}/a/b` }), [4])
      assert.deepEqual(await ids({ owner, with: juliet, withFull: `${nurse}/balcony` }), [])
      assert.deepEqual(await ids({ owner, with: owner }), [5])
      assert.deepEqual(await ids({ owner, with: juliet, ids: [idOf(1), idOf(2)] }), [1])
      assert.deepEqual(await ids({ owner, with: 'capulet.test' as BareJid }), [])
    })

    it('XEP-0313 §4.1.2: start and end are inclusive', async () => {
      const owner = await account()
      await run(
        'archive.add',
        [1, 2, 3, 4].map((place) => archived(owner, place)),
      )
      assert.deepEqual(await ids({ owner, startMs: someTimeMs + 2 }), [2, 3, 4])
      assert.deepEqual(await ids({ owner, endMs: someTimeMs + 2 }), [1, 2])
      assert.deepEqual(
        await ids({ owner, startMs: someTimeMs + 1.5, endMs: someTimeMs + 3.5, direction: 'last' }),
        [2, 3],
      )
      assert.deepEqual(await ids({ owner, startMs: someTimeMs + 3, endMs: someTimeMs + 2 }), [])
      assert.deepEqual(await ids({ owner, startMs: -1e300, endMs: 1e300 }), [1, 2, 3, 4])
    })

    it('XEP-0313 §4.1.3: names the first id that is not in the archive, of ids, after and before', async () => {
      const [owner, other] = [await account(), await account()]
      await run('archive.add', [archived(owner, 1), archived(owner, 2), archived(owner, 3), archived(other, 9)])
      const base = { owner, direction: 'first', limit: 1 } as const
      const pages = await run('archive.page', [
        { ...base, ids: [idOf(3), idOf(1)] },
        { ...base, ids: [idOf(3), idOf(9), 'x'] },
        { ...base, afterId: idOf(9), beforeId: 'y' },
        { ...base, beforeId: `'"\\u0000{}` },
        { ...base, afterId: idOf(1), beforeId: idOf(3) },
        { ...base, ids: [] },
        { ...base, afterId: idOf(1), with: nurse },
        { ...base, afterId: '\ud800' },
      ])
      assert.deepEqual(
        pages.map((page) => page.unknownId),
        [undefined, idOf(9), idOf(9), `'"\\u0000{}`, undefined, undefined, undefined, '\ufffd'],
      )
      assert.deepEqual(
        pages.map((page) => [page.rows.length, page.isComplete]),
        [
          [1, false],
          [0, true],
          [0, true],
          [0, true],
          [1, true],
          [0, true],
          [0, true],
          [0, true],
        ],
      )
    })

    it('says the first and the last message of each owner', async () => {
      const [owner, empty, nobody] = [await account(), await account(), stranger()]
      await run('archive.add', [
        archived(owner, 2, { atMs: Date.UTC(2026, 2, 1) }),
        archived(owner, 1, { atMs: Date.UTC(2026, 3, 1) }),
        archived(owner, 3, { atMs: Date.UTC(2026, 1, 1) }),
      ])
      assert.deepEqual(await run('archive.bounds', [{ owner: nobody }, { owner }, { owner: empty }]), [
        {},
        { first: { id: idOf(1), atMs: Date.UTC(2026, 3, 1) }, last: { id: idOf(3), atMs: Date.UTC(2026, 1, 1) } },
        {},
      ])
    })

    it('drops what is older than the beginning of a month, and takes new messages of that time again', async () => {
      const owner = await account()
      const months = [0, 1, 2].map((month) => Date.UTC(2011, month))
      const rows = [
        archived(owner, 1, { atMs: 5 }),
        ...months.flatMap((startMs, index) => [
          archived(owner, 10 * index + 2, { atMs: startMs - 1 }),
          archived(owner, 10 * index + 3, { atMs: startMs }),
        ]),
      ]
      await run('archive.add', rows)
      assert.ok((await one('archive.retain', { beforeMs: Date.UTC(2011, 2) })) >= 1)
      assert.deepEqual(await ids({ owner }), [23])
      assert.equal(await one('archive.retain', { beforeMs: Date.UTC(2011, 2) }), 0)
      await run('archive.add', rows)
      assert.equal((await ids({ owner })).length, rows.length)
      await one('archive.retain', { beforeMs: Date.UTC(2011, 3) })
      assert.deepEqual(await ids({ owner }), [])
    })

    it('drops many messages, and lets other calls in between', async () => {
      const owner = await account()
      const rows = Array.from({ length: 2500 }, (_, place) =>
        archived(owner, place, { atMs: Date.UTC(2012, 0, 1) + place }),
      )
      await run('archive.add', rows)
      const dropping = one('archive.retain', { beforeMs: Date.UTC(2012, 1) })
      await one('offline.count', { owner })
      assert.ok((await dropping) >= 1)
      assert.deepEqual(await one('archive.bounds', { owner }), {})
    })
  })
}
