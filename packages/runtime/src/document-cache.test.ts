import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sqliteStorage } from '@starling/adapters/sqlite'
import type { QueryName, Storage } from '@starling/core'
import { bareJid } from '@starling/jid'
import { cachingDocuments } from './document-cache.ts'

const romeo = bareJid('romeo', 'montague.test')
const juliet = bareJid('juliet', 'capulet.test')
const document = (text: string) => ({ owner: romeo, kind: 'slice', name: 'n', body: Buffer.from(text) })

async function scene() {
  const real = sqliteStorage({ file: ':memory:' })
  await real.migrate()
  const asked: QueryName[] = []
  const watched: Storage = {
    ...real,
    run: (name, batch) => {
      asked.push(name)
      return real.run(name, batch)
    },
  }
  const storage = cachingDocuments(watched, { observed: () => {} })
  const list = async (...owners: (typeof romeo)[]): Promise<readonly string[]> => {
    const lists = await storage.run(
      'document.list',
      owners.map((owner) => ({ owner, kind: 'slice' })),
    )
    return lists.map((documents) => documents.map(({ body }) => Buffer.from(body).toString()).join())
  }
  return { storage, list, asked, close: () => real.close() }
}

describe('documents kept in memory', () => {
  it('a list is read once, and those that are not known are read beside it', async () => {
    const { storage, list, asked, close } = await scene()
    await storage.run('document.put', [document('a')])
    assert.deepEqual(await list(romeo), ['a'])
    assert.deepEqual(await list(juliet, romeo), ['', 'a'])
    assert.deepEqual(await list(romeo, juliet), ['a', ''])
    assert.deepEqual(asked, ['document.put', 'document.list', 'document.list'])
    await close()
  })

  it('every change shows at once: put, remove, and the end of the account', async () => {
    const { storage, list, close } = await scene()
    assert.deepEqual(await list(romeo), [''])
    await storage.run('document.put', [document('a')])
    assert.deepEqual(await list(romeo), ['a'])
    await storage.run('document.put', [document('b')])
    assert.deepEqual(await list(romeo), ['b'])
    await storage.run('document.remove', [{ owner: romeo, kind: 'slice', name: 'n' }])
    assert.deepEqual(await list(romeo), [''])
    await storage.run('document.put', [document('c')])
    assert.deepEqual(await list(romeo), ['c'])
    await storage.run('account.delete', [{ jid: romeo }])
    const fresh = await storage.run('document.list', [{ owner: romeo, kind: 'slice' }])
    assert.deepEqual(await list(romeo), [fresh[0]?.map(({ body }) => Buffer.from(body).toString()).join()])
    await close()
  })

  it('what was read while a change was under way is not kept', async () => {
    const { storage, list, close } = await scene()
    const before = list(romeo)
    const put = storage.run('document.put', [document('a')])
    assert.deepEqual(await before, [''])
    await put
    assert.deepEqual(await list(romeo), ['a'])
    await close()
  })
})
