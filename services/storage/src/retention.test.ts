import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sqliteStorage } from '@starling/adapters/sqlite'
import type { StorageIo } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { archiveId } from '@starling/wire'
import { type Later, retentionEveryMs, startRetention } from './retention.ts'

const romeo = 'romeo@example.net' as BareJid
const dayMs = 86_400_000
const nowMs = Date.UTC(2026, 10, 23)

async function start(retentionDays: number) {
  const storage = sqliteStorage({ file: ':memory:' })
  await storage.migrate()
  await storage.run('account.create', [{ jid: romeo, credentials: 'r' }])
  const row = (days: number, offset: number) => ({
    owner: romeo,
    id: archiveId({ offset, index: 0 }),
    atMs: nowMs - days * dayMs,
    peer: 'juliet@example.net' as BareJid,
    raw: Buffer.from('<message/>'),
  })
  await storage.run('archive.add', [row(40, 1), row(31, 2), row(29, 3), row(0, 4)])
  const waiting: { delayMs: number; run: () => void }[] = []
  const later: Later = (delayMs, run) => {
    const entry = { delayMs, run }
    waiting.push(entry)
    return () => void waiting.splice(waiting.indexOf(entry), 1)
  }
  let isAway = false
  const warnings: unknown[] = []
  const io = {
    storage: {
      ...storage,
      run: (...args: Parameters<typeof storage.run>) =>
        isAway ? Promise.reject(new Error('away')) : storage.run(...args),
    },
    settings: { archive: { retentionDays } },
    clock: () => nowMs,
    logger: { info: () => {}, warn: (event: unknown) => warnings.push(event) },
    metrics: { counter: () => ({ add: () => {} }) },
  } as unknown as StorageIo
  const setAway = (value: boolean): void => {
    isAway = value
  }
  const stop = startRetention(io, later)
  /** Runs what is due and waits until the next look is planned. */
  const look = async (): Promise<void> => {
    waiting.shift()?.run()
    for (let tries = 0; waiting.length === 0 && tries < 500; tries++)
      await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const kept = async () =>
    (await storage.run('archive.page', [{ owner: romeo, direction: 'first', limit: 10 }]))[0]?.rows.length
  return { storage, waiting, warnings, stop, look, kept, setAway }
}

describe('archive.retentionDays', () => {
  it('what is older is dropped, and looked for again in an hour', async () => {
    const { storage, waiting, stop, look, kept } = await start(30)
    await look()
    assert.equal(await kept(), 2)
    assert.deepEqual(
      waiting.map(({ delayMs }) => delayMs),
      [retentionEveryMs],
    )
    stop()
    assert.deepEqual(waiting, [], 'nothing is left behind')
    await storage.close()
  })

  it('0 keeps everything', async () => {
    const { storage, waiting, kept } = await start(0)
    assert.deepEqual(waiting, [])
    assert.equal(await kept(), 4)
    await storage.close()
  })

  it('a database that is away is tried again the next time', async () => {
    const { storage, warnings, look, kept, setAway, stop } = await start(30)
    setAway(true)
    await look()
    assert.equal(warnings.length, 1)
    assert.equal(await kept(), 4)
    setAway(false)
    await look()
    assert.equal(await kept(), 2)
    stop()
    await storage.close()
  })
})
