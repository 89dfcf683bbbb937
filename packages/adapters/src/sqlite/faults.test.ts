import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { StorageError } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { type StorageEvent, sqliteStorage } from './sqlite.ts'

const owner = 'romeo@montague.test' as BareJid
const worker = new URL('./worker.ts', import.meta.url)

// Writes offline stanzas as fast as it can, several calls under way, and says each id once its call resolved.
const writer = `
  import { sqliteStorage } from '${new URL('./sqlite.ts', import.meta.url).href}'
  const storage = sqliteStorage({ file: process.argv[1] })
  await storage.migrate()
  await storage.run('account.create', [{ jid: '${owner}', credentials: 'c' }])
  let next = 0
  const lane = async () => {
    for (;;) {
      const ids = [next++, next++, next++].map((id) => String(id).padStart(9, '0'))
      await storage.run('offline.add', ids.map((id) => (
        { owner: '${owner}', id, atMs: 1, raw: new Uint8Array(600), maxStanzas: 1e9 })))
      process.stdout.write(ids.join('\\n') + '\\n')
    }
  }
  await Promise.all([lane(), lane(), lane(), lane()])
`

describe('SQLite under faults', () => {
  it('R1: kill -9 under load loses nothing that resolved', async () => {
    await inDirectory(async (directory) => {
      const file = join(directory, 'starling.db')
      const child = spawn(process.execPath, ['--input-type=module', '-e', writer, file], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let said = ''
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        said += chunk
        if (said.length > 6000) child.kill('SIGKILL')
      })
      const [, signal] = await once(child, 'close')
      assert.equal(signal, 'SIGKILL')
      const resolved = said.slice(0, said.lastIndexOf('\n')).split('\n')
      assert.ok(resolved.length > 300)
      const storage = sqliteStorage({ file })
      await storage.migrate()
      const [kept = []] = await storage.run('offline.page', [{ owner, afterId: '', limit: 1e6 }])
      await storage.close()
      const ids = new Set(kept.map((stanza) => stanza.id))
      assert.deepEqual(
        resolved.filter((id) => !ids.has(id)),
        [],
      )
    })
  })

  it('a thread that ends rejects what was under way with STORAGE_DOWN, and is replaced', async () => {
    const dying = `require('node:worker_threads').parentPort.once('message', () => process.exit(3))`
    const events: StorageEvent[] = []
    let started = 0
    const storage = sqliteStorage({
      file: ':memory:',
      onEvent: (event) => events.push(event),
      startWorker: (file) => {
        started += 1
        return started === 1
          ? new Worker(dying, { eval: true })
          : new Worker(worker, { workerData: { file }, execArgv: [] })
      },
    })
    const underWay = assert.rejects(storage.migrate(), isDown)
    const waiting = storage.migrate()
    await underWay
    assert.equal(storage.isUp(), false)
    await waiting
    assert.equal(storage.isUp(), true)
    assert.equal(started, 2)
    assert.deepEqual(events[0], { what: 'storage.workerEnded', exitCode: 3 })
    await storage.close()
  })

  it('a database in memory has its tables again after its thread ended', async () => {
    const started: Worker[] = []
    const storage = sqliteStorage({
      file: ':memory:',
      startWorker: (file) => {
        const thread = new Worker(worker, { workerData: { file }, execArgv: [] })
        started.push(thread)
        return thread
      },
    })
    await storage.migrate()
    await started[0]?.terminate()
    assert.deepEqual(await storage.run('account.get', [{ jid: owner }]), [undefined])
    assert.equal(started.length, 2)
    await storage.close()
  })

  it('a file that cannot be opened is STORAGE_DOWN, a missing table STORAGE_FAILED', async () => {
    await inDirectory(async (directory) => {
      const away = sqliteStorage({ file: directory })
      await assert.rejects(away.migrate(), isDown)
      assert.equal(away.isUp(), false)
      await away.close()
      const empty = sqliteStorage({ file: ':memory:' })
      await assert.rejects(empty.run('account.get', [{ jid: owner }]), (error) => !isDown(error))
      await empty.close()
      await assert.rejects(empty.run('account.get', [{ jid: owner }]), isDown)
    })
  })

  it('R8: refuses with STORAGE_DOWN what comes when 64 MiB wait, and forgets none of those', async () => {
    const storage = sqliteStorage({ file: ':memory:' })
    await storage.migrate()
    const body = new Uint8Array(1024 * 1024)
    const calls = Array.from({ length: 80 }, (_, place) =>
      storage.run('document.put', [{ owner, kind: 'k', name: String(place), body }]),
    )
    const outcomes = await Promise.allSettled(calls)
    const stored = outcomes.filter((outcome) => outcome.status === 'fulfilled').length
    assert.ok(stored >= 63 && stored < 80, `${stored} stored`)
    assert.ok(outcomes.every((outcome) => outcome.status === 'fulfilled' || isDown(outcome.reason)))
    const [documents = []] = await storage.run('document.list', [{ owner, kind: 'k' }])
    assert.equal(documents.length, stored)
    const after = ['a', 'b', 'c', 'd'].map((name) => storage.run('document.put', [{ owner, kind: 'k', name, body }]))
    assert.equal((await Promise.all(after)).length, 4)
    await storage.close()
  })
})

function isDown(error: unknown): boolean {
  return error instanceof StorageError && error.code === 'STORAGE_DOWN'
}

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'starling-sqlite-'))
  try {
    await work(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}
