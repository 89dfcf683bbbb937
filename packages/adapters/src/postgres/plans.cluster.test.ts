import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { ArchiveQuery } from '@starling/core'
import type { BareJid } from '@starling/jid'
import type pg from 'pg'
import { portions } from '../queries/named-queries.ts'
import { connections } from './connections.ts'
import { type FreshDatabase, freshDatabase } from './fresh-database.ts'
import { postgresStorage } from './postgres.ts'
import { statement } from './statement.ts'

const owners = Array.from({ length: 20 }, (_, place) => `user-${place}@starling.test` as BareJid)
const [owner = '' as BareJid] = owners
const peers = Array.from({ length: 7 }, (_, place) => `peer-${place}@starling.test` as BareJid)

describe('the plans of PostgreSQL for archive pages', () => {
  let database: FreshDatabase | undefined
  let pool: pg.Pool | undefined

  before(async () => {
    database = await freshDatabase(process.env['STARLING_TEST_POSTGRES'])
    const storage = postgresStorage({ url: database.url })
    await storage.migrate()
    await storage.run(
      'account.create',
      owners.map((jid) => ({ jid, credentials: '' })),
    )
    const rows = Array.from({ length: 8000 }, (_, place) => ({
      owner: owners[place % 20] ?? owner,
      id: `1${String(place).padStart(8, '0')}`,
      atMs: Date.UTC(2026, place % 2, 3),
      peer: peers[place % 7] ?? owner,
      raw: new Uint8Array(100),
    }))
    await storage.run('archive.add', rows)
    await storage.close()
    await database.sql('ANALYZE')
    pool = connections({ url: database.url, poolSize: 1, statementTimeoutMs: 5000, onLost: () => undefined })
  })
  after(async () => {
    await pool?.end()
    await database?.drop()
  })

  /** By which indexes a query read the two months that hold rows, and how many rows it read in vain. */
  const explained = async (
    query: ArchiveQuery,
  ): Promise<{ readonly indexes: readonly string[]; readonly removed: number }> => {
    const [portion] = portions('archive.page', [query])
    if (pool === undefined || portion === undefined) throw new Error('no pool')
    const { text, values } = statement('archive.page', portion)
    const { rows } = await pool.query<{ 'QUERY PLAN': string }>(`EXPLAIN (ANALYZE, COSTS OFF) ${text}`, values)
    const plan = rows.map((row) => row['QUERY PLAN'])
    const read = plan.flatMap((line) => /(?:Scan.* using |Seq Scan on )(archive_2026_0[12]\S*)/.exec(line)?.[1] ?? [])
    const removed = plan.map((line) => Number(/Rows Removed by (?:Join )?Filter: (\d+)/.exec(line)?.[1] ?? 0))
    const most = plan.map((line) => Number(/archive_2026.*actual.*rows=(\d+)/.exec(line)?.[1] ?? 0))
    assert.ok(Math.max(...most) <= query.limit + 1, plan.join('\n'))
    return { indexes: [...new Set(read)].sort(), removed: removed.reduce((sum, count) => sum + count, 0) }
  }
  const byId = ['archive_2026_01_account_id_at_ms_idx', 'archive_2026_02_account_id_at_ms_idx']
  const byPeer = ['archive_2026_01_account_peer_id_at_ms_idx', 'archive_2026_02_account_peer_id_at_ms_idx']

  for (const direction of ['first', 'last'] as const) {
    it(`the ${direction} page reads its own rows only`, async () => {
      assert.deepEqual(await explained({ owner, direction, limit: 5 }), { indexes: byId, removed: 0 })
    })
    it(`the ${direction} page with a peer reads its own rows only`, async () => {
      assert.deepEqual(await explained({ owner, direction, limit: 5, with: peers[3] ?? owner }), {
        indexes: byPeer,
        removed: 0,
      })
    })
    it(`the ${direction} page beside an id reads its own rows only`, async () => {
      const bound = direction === 'first' ? { afterId: '100004000' } : { beforeId: '100004000' }
      // the one removed is the id itself, which is not unknown
      assert.deepEqual(await explained({ owner, direction, limit: 5, ...bound }), { indexes: byId, removed: 1 })
    })
  }

  it('named messages are looked up one by one', async () => {
    const ids = ['100000020', '100004000']
    assert.deepEqual(await explained({ owner, direction: 'first', limit: 5, ids }), { indexes: byId, removed: 2 })
  })
})
