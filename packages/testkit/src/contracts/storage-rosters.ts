import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bytesOf, juliet, nurse, rosterItem, type StorageBench } from './storage-harness.ts'

/** The contract of `roster.*`. Source: RFC 6121 §2. */
export function storageRosters({ run, one, stranger, account }: StorageBench): void {
  describe('rosters', () => {
    it('is empty, without a version, for an account that never had one and for nobody', async () => {
      const results = await run('roster.load', [{ owner: await account() }, { owner: stranger() }])
      assert.deepEqual(results, [
        { version: '', items: [] },
        { version: '', items: [] },
      ])
    })

    it('RFC 6121 §2.1.2: gives back each field of an item', async () => {
      const owner = await account()
      const items = [
        rosterItem(juliet, { name: `O'"\\{}, NULL`, groups: ['Friends', '', 'a"b', "c'd", '{e}'], subscription: 'to' }),
        rosterItem(nurse, {
          subscription: 'none',
          ask: true,
          approved: true,
          isListed: false,
          request: bytesOf("<presence type='subscribe'/>"),
        }),
      ]
      await run(
        'roster.put',
        items.map((item, index) => ({ owner, version: `v${index}`, item })),
      )
      assert.deepEqual(await one('roster.load', { owner }), { version: 'v1', items })
      await one('roster.put', { owner, version: 'v2', item: rosterItem(nurse) })
      assert.deepEqual(await one('roster.load', { owner }), { version: 'v2', items: [items[0], rosterItem(nurse)] })
    })

    it('lets the last change of an item and the last version in a batch stand, owner by owner', async () => {
      const [a, b] = [await account(), await account()]
      const batch = [
        { owner: a, version: 'a1', item: rosterItem(juliet, { name: 'one', request: bytesOf('r') }) },
        { owner: b, version: 'b1', item: rosterItem(juliet, { name: 'b' }) },
        { owner: a, version: 'a2', item: rosterItem(juliet, { name: 'two' }) },
        { owner: a, version: 'a3', item: rosterItem(nurse) },
      ]
      for (let times = 0; times < 2; times++) await run('roster.put', batch)
      assert.deepEqual(await run('roster.load', [{ owner: b }, { owner: a }, { owner: b }]), [
        { version: 'b1', items: [rosterItem(juliet, { name: 'b' })] },
        { version: 'a3', items: [rosterItem(juliet, { name: 'two' }), rosterItem(nurse)] },
        { version: 'b1', items: [rosterItem(juliet, { name: 'b' })] },
      ])
    })

    it('removes items, any number of times, and names the last version', async () => {
      const [owner, other] = [await account(), await account()]
      for (const each of [owner, other]) {
        await run(
          'roster.put',
          [juliet, nurse].map((jid) => ({ owner: each, version: 'v1', item: rosterItem(jid) })),
        )
      }
      const removal = [
        { owner, version: 'v2', jid: juliet },
        { owner, version: 'v3', jid: juliet },
      ]
      for (let times = 0; times < 2; times++) await run('roster.remove', removal)
      assert.deepEqual(await one('roster.load', { owner }), { version: 'v3', items: [rosterItem(nurse)] })
      assert.equal((await one('roster.load', { owner: other })).items.length, 2)
      await one('roster.remove', { owner, version: 'v4', jid: nurse })
      assert.deepEqual(await one('roster.load', { owner }), { version: 'v4', items: [] })
    })

    it('ignores changes of an owner without an account', async () => {
      const [nobody, owner] = [stranger(), await account()]
      await run('roster.put', [
        { owner: nobody, version: 'v1', item: rosterItem(juliet) },
        { owner, version: 'v1', item: rosterItem(juliet) },
      ])
      await one('roster.remove', { owner: nobody, version: 'v1', jid: juliet })
      assert.deepEqual(await one('roster.load', { owner: nobody }), { version: '', items: [] })
      assert.equal((await one('roster.load', { owner })).items.length, 1)
    })
  })
}
