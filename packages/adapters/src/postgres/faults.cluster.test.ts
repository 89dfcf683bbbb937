import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { type Storage, StorageError } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { type FreshDatabase, freshDatabase } from './fresh-database.ts'
import { postgresStorage, type StorageEvent } from './postgres.ts'

const owner = 'romeo@montague.test' as BareJid
const terminateAll = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'starling'`

describe('PostgreSQL under faults', () => {
  let database: FreshDatabase | undefined
  let opened: Storage[] = []
  const fresh = (): FreshDatabase => {
    if (database === undefined) throw new Error('no database')
    return database
  }
  const open = (options: { statementTimeoutMs?: number; onEvent?: (event: StorageEvent) => void } = {}): Storage => {
    const storage = postgresStorage({ url: fresh().url, ...options })
    opened = [...opened, storage]
    return storage
  }
  before(async () => {
    database = await freshDatabase(process.env['STARLING_TEST_POSTGRES'])
    const storage = open()
    await storage.migrate()
    await storage.run('account.create', [{ jid: owner, credentials: 'c' }])
  })
  after(async () => {
    for (const storage of opened) await storage.close()
    await database?.drop()
  })

  it('a connection killed while idle harms nothing', async () => {
    const events: string[] = []
    const storage = open({ onEvent: (event) => events.push(event.what) })
    await storage.run('account.get', [{ jid: owner }])
    await fresh().sql(terminateAll)
    await until(() => events.includes('storage.down'))
    await until(() => storage.isUp())
    assert.deepEqual(await storage.run('account.get', [{ jid: owner }]), [{ credentials: 'c' }])
    assert.deepEqual(events, ['storage.up', 'storage.down', 'storage.up'])
  })

  it('connections killed under load: calls resolve or reject STORAGE_DOWN, what resolved is there, and it recovers', async () => {
    const storage = open()
    const resolved: string[] = []
    let failures = 0
    let next = 0
    let isOver = false
    const lane = async (): Promise<void> => {
      while (!isOver) {
        next += 1
        const id = String(next).padStart(9, '0')
        try {
          await storage.run('offline.add', [{ owner, id, atMs: 1, raw: new Uint8Array(500), maxStanzas: 1e9 }])
          resolved.push(id)
        } catch (error) {
          assert.ok(isDown(error), String(error))
          failures += 1
        }
      }
    }
    const lanes = [lane(), lane(), lane(), lane()]
    for (let kills = 1; kills <= 5; kills++) {
      const seen = resolved.length
      await until(() => resolved.length > seen + 20)
      while (failures < kills) await fresh().sql(terminateAll)
    }
    isOver = true
    await Promise.all(lanes)
    const [kept = []] = await storage.run('offline.page', [{ owner, afterId: '', limit: 1e6 }])
    const ids = new Set(kept.map((stanza) => stanza.id))
    assert.deepEqual(
      resolved.filter((id) => !ids.has(id)),
      [],
    )
    assert.equal(storage.isUp(), true)
  })

  it('a statement over its timeout is STORAGE_DOWN, and the connection serves again', async () => {
    const storage = open({ statementTimeoutMs: 300 })
    await storage.run('account.get', [{ jid: owner }])
    const other = fresh().sql('BEGIN; LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(1.5); COMMIT')
    let error: unknown
    while (error === undefined) {
      error = await storage.run('account.get', [{ jid: owner }]).then(
        () => undefined,
        (reason: unknown) => reason,
      )
    }
    assert.ok(isDown(error), String(error))
    await other
    assert.deepEqual(await storage.run('account.get', [{ jid: owner }]), [{ credentials: 'c' }])
  })

  it('a server that is not there, or does not talk, is STORAGE_DOWN', async () => {
    const server = createServer((socket) => socket.destroy())
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const storage = postgresStorage({ url: `postgres://x@127.0.0.1:${port}/x` })
    await assert.rejects(storage.migrate(), isDown)
    await new Promise((done) => server.close(done))
    await assert.rejects(storage.migrate(), isDown)
    assert.equal(storage.isUp(), false)
    await storage.close()
    await assert.rejects(storage.run('account.get', [{ jid: owner }]), isDown)
  })

  it('a partition that another pod dropped is made again by the insert that needs it', async () => {
    const [one, other] = [open(), open()]
    const atMs = Date.UTC(2013, 4, 5)
    const row = { owner, atMs, peer: owner, raw: new Uint8Array(1) }
    await one.run('archive.add', [{ ...row, id: '1' }])
    await other.run('archive.retain', [{ beforeMs: Date.UTC(2013, 8) }])
    await one.run('archive.add', [{ ...row, id: '2' }])
    const [page] = await one.run('archive.page', [{ owner, direction: 'first', limit: 9 }])
    assert.deepEqual(
      page?.rows.map((each) => each.id),
      ['2'],
    )
  })

  it('a schema of a newer Starling is refused', async () => {
    await fresh().sql("INSERT INTO migrations VALUES (9999, 'of the future', now())")
    await assert.rejects(open().migrate(), /has schema 9999/)
    await fresh().sql('DELETE FROM migrations WHERE number = 9999')
  })
})

function isDown(error: unknown): boolean {
  return error instanceof StorageError && error.code === 'STORAGE_DOWN'
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 3000; tries++) {
    if (holds()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('waited in vain')
}
