import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BareJid } from '@starling/jid'
import { idOf, offlineStanza, type StorageBench } from './storage-harness.ts'

/** The contract of `offline.*`. Source: XEP-0160. */
export function storageOffline({ run, one, stranger, account }: StorageBench): void {
  const add = (owner: BareJid, places: readonly number[], maxStanzas: number) =>
    run(
      'offline.add',
      places.map((place) => ({ ...offlineStanza(owner, place), maxStanzas })),
    )

  describe('offline stanzas', () => {
    it('keeps them ascending by id, each once however often it is added', async () => {
      const owner = await account()
      for (let times = 0; times < 2; times++) {
        const results = await add(owner, [2, 1, 3, 2], 10)
        assert.deepEqual(
          results,
          [1, 2, 3, 4].map(() => ({ isStored: true })),
        )
      }
      assert.equal(await one('offline.count', { owner }), 3)
      assert.deepEqual(
        await one('offline.page', { owner, afterId: '', limit: 10 }),
        [1, 2, 3].map((place) => offlineStanza(owner, place)),
      )
    })

    it('refuses what goes beyond the limit, also within one batch; what is there already counts as stored', async () => {
      const [owner, other] = [await account(), await account()]
      const stored = (results: readonly { readonly isStored: boolean }[]) => results.map((result) => result.isStored)
      assert.deepEqual(stored(await add(owner, [1, 2], 4)), [true, true])
      const results = await run('offline.add', [
        ...[3, 1, 4, 5].map((place) => ({ ...offlineStanza(owner, place), maxStanzas: 4 })),
        { ...offlineStanza(other, 1), maxStanzas: 4 },
        ...[4, 6, 5].map((place) => ({ ...offlineStanza(owner, place), maxStanzas: 4 })),
      ])
      assert.deepEqual(stored(results), [true, true, true, false, true, true, false, false])
      assert.deepEqual(results[3], { isStored: false, reason: 'full' })
      assert.equal(await one('offline.count', { owner }), 4)
      assert.deepEqual(stored(await add(owner, [5], 5)), [true])
      assert.deepEqual(stored(await add(other, [9], 0)), [false])
    })

    it('refuses owners without an account', async () => {
      const [nobody, owner] = [stranger(), await account()]
      const results = await run('offline.add', [
        { ...offlineStanza(nobody, 1), maxStanzas: 9 },
        { ...offlineStanza(owner, 1), maxStanzas: 9 },
      ])
      assert.deepEqual(results, [{ isStored: false, reason: 'no-account' }, { isStored: true }])
      assert.deepEqual(await run('offline.count', [{ owner }, { owner: nobody }]), [1, 0])
      assert.deepEqual(await one('offline.page', { owner: nobody, afterId: '', limit: 9 }), [])
    })

    it('pages after an id, several owners in one batch', async () => {
      const [a, b] = [await account(), await account()]
      await add(a, [1, 2, 3, 4], 9)
      await add(b, [3, 4], 9)
      const pages = await run('offline.page', [
        { owner: b, afterId: idOf(3), limit: 9 },
        { owner: a, afterId: idOf(1), limit: 2 },
        { owner: a, afterId: idOf(4), limit: 2 },
        { owner: a, afterId: '', limit: 0 },
      ])
      assert.deepEqual(
        pages.map((page) => page.map((stanza) => stanza.id)),
        [[idOf(4)], [idOf(2), idOf(3)], [], []],
      )
      assert.equal(pages[0]?.[0]?.owner, b)
    })

    it('removes by id, of that owner only, any number of times; what stands before stays', async () => {
      const [a, b] = [await account(), await account()]
      for (const owner of [a, b]) await add(owner, [1, 2, 3], 9)
      const removal = [
        { owner: a, id: idOf(2) },
        { owner: a, id: idOf(3) },
        { owner: stranger(), id: idOf(1) },
      ]
      for (let times = 0; times < 2; times++) await run('offline.remove', removal)
      assert.deepEqual(await run('offline.count', [{ owner: a }, { owner: b }]), [1, 3])
    })

    it('R3: what was removed does not come back when an owner of yesterday adds it again, and takes no room', async () => {
      const owner = await account()
      await add(owner, [1, 2, 3], 3)
      await run(
        'offline.remove',
        [1, 3].map((place) => ({ owner, id: idOf(place) })),
      )
      assert.deepEqual(
        await add(owner, [1, 2, 3, 4], 2),
        [1, 2, 3, 4].map(() => ({ isStored: true })),
      )
      const left = await one('offline.page', { owner, afterId: '', limit: 9 })
      assert.deepEqual(
        left,
        [2, 4].map((place) => offlineStanza(owner, place)),
      )
      assert.equal(await one('offline.count', { owner }), 2)
    })

    it('what was removed is forgotten when one a day younger is', async () => {
      const owner = await account()
      const old = { ...offlineStanza(owner, 1), atMs: 1_000, maxStanzas: 9 }
      const young = { ...offlineStanza(owner, 2), atMs: 1_000 + 86_400_001, maxStanzas: 9 }
      await run('offline.add', [old, young])
      await run('offline.remove', [{ owner, id: old.id }])
      await run('offline.remove', [{ owner, id: young.id }])
      await run('offline.add', [old, young])
      assert.deepEqual(
        (await one('offline.page', { owner, afterId: '', limit: 9 })).map(({ id }) => id),
        [old.id],
      )
    })
  })
}
