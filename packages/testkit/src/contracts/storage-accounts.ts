import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BareJid } from '@starling/jid'
import { archived, bytesOf, juliet, nurse, offlineStanza, rosterItem, type StorageBench } from './storage-harness.ts'

/** The contract of `account.*`. */
export function storageAccounts({ run, one, stranger, account, harness }: StorageBench): void {
  describe('accounts', () => {
    it('creates an account once, and says so again to who repeats the same creation (R3)', async () => {
      const jid = stranger()
      assert.deepEqual(await one('account.create', { jid, credentials: 'first' }), { isCreated: true })
      assert.deepEqual(await one('account.create', { jid, credentials: 'first' }), { isCreated: true })
      assert.deepEqual(await one('account.create', { jid, credentials: 'second' }), { isCreated: false })
      assert.deepEqual(await one('account.get', { jid }), { credentials: 'first' })
    })

    it('lets the first creation of a batch stand', async () => {
      const [jid, other] = [stranger(), stranger()]
      const results = await run('account.create', [
        { jid, credentials: 'first' },
        { jid: other, credentials: 'x' },
        { jid, credentials: 'second' },
        { jid, credentials: 'first' },
      ])
      assert.deepEqual(
        results.map((result) => result.isCreated),
        [true, true, false, true],
      )
      assert.deepEqual(await one('account.get', { jid }), { credentials: 'first' })
    })

    it('answers in the order of the arguments, undefined where there is no account', async () => {
      const [a, b, c] = [await account(), stranger(), await account()]
      const results = await run('account.get', [{ jid: c }, { jid: b }, { jid: a }, { jid: c }])
      assert.deepEqual(
        results.map((result) => result?.credentials),
        [`of ${c}`, undefined, `of ${a}`, `of ${c}`],
      )
    })

    it('does nothing for an empty batch', async () => {
      assert.deepEqual(await run('account.get', []), [])
      assert.deepEqual(await run('account.create', []), [])
    })

    it('changes credentials, the last of a batch standing', async () => {
      const [jid, nobody] = [await account(), stranger()]
      const results = await run('account.setCredentials', [
        { jid, credentials: 'one' },
        { jid: nobody, credentials: 'none' },
        { jid, credentials: 'two' },
      ])
      assert.deepEqual(
        results.map((result) => result.isFound),
        [true, false, true],
      )
      assert.deepEqual(await one('account.get', { jid }), { credentials: 'two' })
      assert.equal(await one('account.get', { jid: nobody }), undefined)
    })

    it('lists accounts ascending bytewise, page after page', async () => {
      // U+FF5E sorts before U+1F600 by bytes and after it by UTF-16
      const names = ['list-B', 'list-a', 'list-b', 'list-é', 'list-\uff5e', 'list-\u{1f600}']
      const jids = names.map((name) => `${name}@starling.test` as BareJid)
      await run(
        'account.create',
        jids.toReversed().map((jid) => ({ jid, credentials: 'c' })),
      )
      const found: string[] = []
      for (let after = 'list-'; ; ) {
        const { jids: page } = await one('account.list', { after, limit: 2 })
        assert.ok(page.length <= 2)
        const own = page.filter((jid) => jid.startsWith('list-'))
        found.push(...own)
        const last = page.at(-1)
        if (last === undefined || own.length < page.length) break
        after = last
      }
      assert.deepEqual(found, jids)
      assert.deepEqual(await one('account.list', { after: '\u{10ffff}', limit: 10 }), { jids: [] })
      assert.deepEqual(await one('account.list', { after: '', limit: 0 }), { jids: [] })
    })

    it('deletes an account with all its own, and nothing of others', async () => {
      const [gone, kept] = [await account(), await account()]
      for (const owner of [gone, kept]) await fill(owner)
      assert.deepEqual(await run('account.delete', [{ jid: gone }, { jid: stranger() }, { jid: gone }]), [
        { isFound: true },
        { isFound: false },
        { isFound: false },
      ])
      assert.deepEqual(await held(gone), nothing)
      assert.deepEqual(await held(kept), everything)
      assert.equal(await harness().orphans(), 0)
      await run('account.create', [{ jid: gone, credentials: 'new' }])
      assert.deepEqual(await held(gone), { ...nothing, hasAccount: true })
    })

    it('starts a new account empty, whatever was written after the deletion of the old one', async () => {
      const jid = await account()
      await one('account.delete', { jid })
      await fill(jid)
      await one('account.create', { jid, credentials: 'new' })
      assert.deepEqual(await held(jid), { ...nothing, hasAccount: true })
    })

    it('loads roster and documents of one kind at once; what only the account has, what nobody has', async () => {
      const [full, bare, gone] = [await account(), await account(), stranger()]
      const items = [rosterItem(juliet, { name: 'J', groups: ['a', 'b'], request: bytesOf('r') }), rosterItem(nurse)]
      for (const owner of [full, gone]) {
        await run(
          'roster.put',
          items.map((item) => ({ owner, version: 'v', item })),
        )
      }
      const documents = ['b', '', 'x'.repeat(300)].map((name) => ({
        owner: full,
        kind: 'k',
        name,
        body: bytesOf(name),
      }))
      await run('document.put', [...documents, { owner: full, kind: 'other', name: 'a', body: bytesOf('a') }])
      await run('document.put', [{ owner: gone, kind: 'k', name: 'a', body: bytesOf('a') }])
      const loaded = await run(
        'account.load',
        [gone, full, bare, full].map((owner) => ({ owner, kind: 'k' })),
      )
      assert.deepEqual([loaded[0], loaded[2]], [undefined, { roster: { version: '', items: [] }, documents: [] }])
      for (const one of [loaded[1], loaded[3]]) {
        assert.deepEqual(one?.roster, { version: 'v', items })
        const byName = one.documents.toSorted((a, b) => a.name.length - b.name.length)
        assert.deepEqual(byName, [documents[1], documents[0], documents[2]])
      }
      const version = 'w'
      await run(
        'roster.remove',
        items.map(({ jid }) => ({ owner: full, version, jid })),
      )
      assert.deepEqual((await one('account.load', { owner: full, kind: 'k' }))?.roster, { version, items: [] })
    })

    it('migrates again, and from several pods at once, without losing anything', async () => {
      const jid = await account()
      const others = await Promise.all([harness().open(), harness().open()])
      await Promise.all([harness().storage, ...others].map((storage) => storage.migrate()))
      assert.deepEqual(await others[0]?.run('account.get', [{ jid }]), [{ credentials: `of ${jid}` }])
      assert.equal(harness().storage.isUp(), true)
      await Promise.all(others.map((storage) => storage.close()))
    })
  })

  async function fill(owner: BareJid): Promise<void> {
    await run('roster.put', [{ owner, version: 'v', item: rosterItem(juliet) }])
    await run('document.put', [{ owner, kind: 'vcard', name: '', body: bytesOf('x') }])
    await run('offline.add', [{ ...offlineStanza(owner, 1), maxStanzas: 10 }])
    await run('archive.add', [archived(owner, 1), archived(owner, 2, { atMs: Date.UTC(2026, 1, 1) })])
  }

  async function held(owner: BareJid): Promise<typeof everything> {
    const roster = await one('roster.load', { owner })
    return {
      hasAccount: (await one('account.get', { jid: owner })) !== undefined,
      version: roster.version,
      items: roster.items.length,
      documents: (await one('document.list', { owner, kind: 'vcard' })).length,
      offline: await one('offline.count', { owner }),
      archived: (await one('archive.page', { owner, direction: 'first', limit: 9 })).rows.length,
    }
  }
}

const everything = { hasAccount: true, version: 'v', items: 1, documents: 1, offline: 1, archived: 2 }
const nothing: typeof everything = { hasAccount: false, version: '', items: 0, documents: 0, offline: 0, archived: 0 }
