import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bytesOf, type StorageBench } from './storage-harness.ts'

/** The contract of `document.*`. */
export function storageDocuments({ run, one, stranger }: StorageBench): void {
  describe('documents', () => {
    it('keeps documents of any owner, the last of a key in a batch standing', async () => {
      const owner = stranger()
      const key = { owner, kind: 'private', name: 'a' }
      const batch = [
        { ...key, body: bytesOf('one') },
        { ...key, name: 'b', body: bytesOf('other') },
        { ...key, body: bytesOf('two') },
      ]
      for (let times = 0; times < 2; times++) await run('document.put', batch)
      assert.deepEqual(await run('document.get', [{ ...key, name: 'c' }, key, { ...key, kind: 'vcard' }, key]), [
        undefined,
        { ...key, body: bytesOf('two') },
        undefined,
        { ...key, body: bytesOf('two') },
      ])
    })

    it('lists a kind of one owner, ascending by name', async () => {
      const [owner, other] = [stranger(), stranger()]
      const put = (jid: typeof owner, kind: string, name: string) => ({ owner: jid, kind, name, body: bytesOf(name) })
      await run('document.put', [put(owner, 'k', 'b'), put(owner, 'k', ''), put(owner, 'l', 'c'), put(other, 'k', 'd')])
      const lists = await run('document.list', [
        { owner: other, kind: 'k' },
        { owner, kind: 'k' },
        { owner, kind: 'none' },
      ])
      assert.deepEqual(
        lists.map((list) => list.map((document) => document.name)),
        [['d'], ['', 'b'], []],
      )
      assert.deepEqual(lists[1], [put(owner, 'k', ''), put(owner, 'k', 'b')])
    })

    it('removes a document once: the first of a batch finds it', async () => {
      const key = { owner: stranger(), kind: 'k', name: 'n' }
      const other = { ...key, name: 'o' }
      await run(
        'document.put',
        [key, other].map((each) => ({ ...each, body: bytesOf('x') })),
      )
      const results = await run('document.remove', [{ ...key, name: 'none' }, key, key])
      assert.deepEqual(
        results.map((result) => result.isFound),
        [false, true, false],
      )
      assert.deepEqual(await one('document.remove', key), { isFound: false })
      assert.equal(await one('document.get', key), undefined)
      assert.notEqual(await one('document.get', other), undefined)
    })

    it('XEP-0049: keeps names of any length apart', async () => {
      const owner = stranger()
      const long = 'urn:x:'.repeat(20_000)
      const names = [`${long}1`, `${long}2`, 'é'.repeat(127), 'é'.repeat(128), 'x'.repeat(255), 'x'.repeat(256)]
      const documents = names.map((name) => ({ owner, kind: 'private', name, body: bytesOf(name.slice(-1)) }))
      await run('document.put', documents)
      assert.deepEqual(await run('document.get', documents), documents)
      const listed = await one('document.list', { owner, kind: 'private' })
      assert.deepEqual(listed.map((document) => document.name).sort(), names.toSorted())
    })
  })
}
