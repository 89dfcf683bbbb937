import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StorageError } from '@starling/core'
import type { BareJid } from '@starling/jid'
import fc from 'fast-check'
import { archived, bytesOf, idOf, juliet, rosterItem, type StorageBench, someTimeMs } from './storage-harness.ts'

const quotes = `'); DROP TABLE accounts; -- " \\ {a,NULL} $1 :owner ?1 %s \u2028 \u{1f600} \ufffe`

/** The contract on what clients may send, and on large batches. */
export function storageHostile({ run, one, stranger, account, harness }: StorageBench): void {
  describe('hostile and large', () => {
    it('gives back any text that XML can hold, in every place', async () => {
      await fc.assert(
        fc.asyncProperty(fc.oneof(fc.constant(quotes), fc.string({ unit: 'binary' })), async (drawn) => {
          const text = drawn.replaceAll('\u0000', '')
          const jid = `${stranger()}${text}` as BareJid
          await one('account.create', { jid, credentials: text })
          assert.deepEqual(await one('account.get', { jid }), { credentials: text })
          const item = rosterItem(`${text}@x` as BareJid, { name: text, groups: [text, text] })
          await one('roster.put', { owner: jid, version: text, item })
          assert.deepEqual(await one('roster.load', { owner: jid }), { version: text, items: [item] })
          const document = { owner: jid, kind: text, name: text, body: bytesOf(text) }
          await one('document.put', document)
          assert.deepEqual(await one('document.list', { owner: jid, kind: text }), [document])
          const row = archived(jid, 1, { peer: `${text}@x` as BareJid, peerResource: text })
          await one('archive.add', row)
          const page = { owner: jid, direction: 'last', limit: 1, withFull: `${text}@x/${text}` } as const
          if (!text.includes('/')) assert.deepEqual((await one('archive.page', page)).rows, [row])
        }),
        { numRuns: harness().runs, examples: [[quotes]] },
      )
    })

    it('keeps any bytes', async () => {
      const owner = await account()
      const all = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      const bodies = [
        all,
        new Uint8Array(0),
        all.subarray(3, 9),
        new Uint8Array(300_000).fill(255),
        Buffer.from('pooled'),
      ]
      await run(
        'archive.add',
        bodies.map((raw, place) => archived(owner, place, { raw })),
      )
      const { rows } = await one('archive.page', { owner, direction: 'first', limit: 9 })
      assert.deepEqual(
        rows.map((row) => row.raw),
        bodies.map((body) => new Uint8Array(body)),
      )
    })

    it('RFC 7622 §3.1: takes the longest JIDs', async () => {
      const part = (seed: number) =>
        Array.from({ length: 1023 }, (_, i) => String.fromCharCode(97 + ((i * i * seed + i * 7 + seed) % 26))).join('')
      const [owner, contact] = [`${part(3)}@${part(5)}` as BareJid, `${part(11)}@${part(17)}` as BareJid]
      await one('account.create', { jid: owner, credentials: 'c' })
      const item = rosterItem(contact)
      await one('roster.put', { owner, version: 'v', item })
      assert.deepEqual((await one('roster.load', { owner })).items, [item])
      const row = archived(owner, 1, { peer: contact, peerResource: part(23) })
      await one('archive.add', row)
      assert.deepEqual((await one('archive.page', { owner, with: contact, direction: 'last', limit: 1 })).rows, [row])
      const document = { owner, kind: 'private', name: part(29), body: bytesOf('x') }
      await one('document.put', document)
      assert.deepEqual(await one('document.get', document), document)
    })

    it('refuses U+0000, which no XML holds, as a bug, and goes on', async () => {
      const bad = 'a\u0000b' as BareJid
      await assert.rejects(run('account.create', [{ jid: bad, credentials: '' }]), isFailure)
      await assert.rejects(run('roster.load', [{ owner: juliet }, { owner: bad }]), isFailure)
      assert.equal(await one('account.get', { jid: stranger() }), undefined)
      assert.equal(harness().storage.isUp(), true)
    })

    it('takes batches of 1,500, results in their order', async () => {
      const owners = Array.from({ length: 1500 }, () => stranger())
      const places = owners.map((_, place) => place)
      const created = await run(
        'account.create',
        owners.map((jid) => ({ jid, credentials: jid })),
      )
      assert.ok(created.every((result) => result.isCreated))
      const found = await run(
        'account.get',
        owners.toReversed().map((jid) => ({ jid })),
      )
      assert.deepEqual(
        found.map((result) => result?.credentials),
        owners.toReversed(),
      )
      await run(
        'roster.put',
        owners.map((owner) => ({ owner, version: owner, item: rosterItem(juliet) })),
      )
      const rosters = await run(
        'roster.load',
        owners.map((owner) => ({ owner })),
      )
      assert.deepEqual(
        rosters.map((roster) => roster.version),
        owners,
      )
      await run(
        'document.put',
        owners.map((owner) => ({ owner, kind: 'k', name: '', body: bytesOf(owner) })),
      )
      const documents = await run(
        'document.get',
        owners.map((owner) => ({ owner, kind: 'k', name: '' })),
      )
      assert.deepEqual(
        documents.map((document) => document?.owner),
        owners,
      )
      const [owner = juliet] = owners
      await run(
        'archive.add',
        places.map((place) => archived(owner, place)),
      )
      const newest = await one('archive.page', { owner, direction: 'last', limit: 50 })
      assert.deepEqual(
        newest.rows.map((row) => row.id),
        places.slice(-50).map(idOf),
      )
      const pages = await run(
        'archive.page',
        places.map((place) => ({ owner, direction: 'first', limit: 1, ids: [idOf(place)] })),
      )
      assert.deepEqual(
        pages.map((page) => page.rows[0]?.id),
        places.map(idOf),
      )
    })

    it('runs calls made at once, each with its own outcome', async () => {
      const owner = await account()
      const calls = places(60).map(async (place) => {
        // A time that is no number is a bug of the caller: its call alone fails, whatever it shares a transaction with
        const atMs = place % 20 === 7 ? Number.NaN : someTimeMs
        return run('archive.add', [archived(owner, place, { atMs })])
      })
      const outcomes = await Promise.allSettled(calls)
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status === 'fulfilled'),
        places(60).map((p) => p % 20 !== 7),
      )
      const failed = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
      assert.ok(failed.every(isFailure))
      const { rows } = await one('archive.page', { owner, direction: 'first', limit: 100 })
      assert.equal(rows.length, 57)
    })
  })
}

function places(count: number): readonly number[] {
  return Array.from({ length: count }, (_, place) => place)
}

function isFailure(error: unknown): boolean {
  return error instanceof StorageError && error.code === 'STORAGE_FAILED'
}
