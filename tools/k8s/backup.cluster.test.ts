import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { postgresStorage } from '@starling/adapters/postgres'
import type { RosterItem } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { runPostgres } from './postgres-programs.ts'

const server = process.env['STARLING_TEST_POSTGRES']
const owners = Array.from({ length: 5 }, (_, place) => `user-${place}@starling.test` as BareJid)
const contact: RosterItem = {
  jid: 'contact@starling.test' as BareJid,
  name: 'Ünïcode',
  groups: ['friends'],
  subscription: 'both',
  ask: false,
  approved: false,
  isListed: true,
}
const query = { direction: 'first', limit: 100 } as const

describe('docs/operations.md, backup and restore', () => {
  const folder = mkdtempSync(join(tmpdir(), 'starling-backup-'))
  const names = ['before', 'after'].map((name) => `starling_backup_${name}_${process.pid}`)
  const urlOf = (name: string | undefined): string => {
    const url = new URL(server ?? '')
    url.pathname = `/${name}`
    return url.href
  }

  before(async () => {
    assert.ok(server, 'STARLING_TEST_POSTGRES is not set: npm test starts a PostgreSQL and sets it')
    for (const name of names)
      await runPostgres('psql', ['-q', '-c', `CREATE DATABASE ${name} TEMPLATE template0`, server])
  })
  after(async () => {
    for (const name of names)
      await runPostgres('psql', ['-q', '-c', `DROP DATABASE ${name} WITH (FORCE)`, server ?? ''])
    rmSync(folder, { recursive: true })
  })

  it('what pg_dump wrote, pg_restore brings back: accounts, rosters, archive; the schema is current and takes writes', async () => {
    const [from, to] = names.map(urlOf)
    const original = postgresStorage({ url: from ?? '' })
    await original.migrate()
    await original.run(
      'account.create',
      owners.map((jid) => ({ jid, credentials: `credentials of ${jid}` })),
    )
    await original.run(
      'roster.put',
      owners.map((owner) => ({ owner, item: contact, version: '1' })),
    )
    const rows = owners.flatMap((owner) =>
      Array.from({ length: 20 }, (_, place) => ({
        owner,
        id: `1${String(place).padStart(8, '0')}`,
        atMs: Date.UTC(2026, place % 3, 3),
        peer: contact.jid,
        raw: new TextEncoder().encode(`<message><body>${place}</body></message>`),
      })),
    )
    await original.run('archive.add', rows)
    const read = async (storage: typeof original): Promise<unknown> => [
      await storage.run('account.list', [{ after: '', limit: 100 }]),
      await storage.run(
        'roster.load',
        owners.map((owner) => ({ owner })),
      ),
      await storage.run(
        'archive.page',
        owners.map((owner) => ({ owner, ...query })),
      ),
    ]
    const wanted = await read(original)
    await original.close()

    const dump = join(folder, 'starling.dump')
    await runPostgres('pg_dump', ['-Fc', '-f', dump, from ?? ''])
    await runPostgres('pg_restore', ['--clean', '--if-exists', '-d', to ?? '', dump])

    const restored = postgresStorage({ url: to ?? '' })
    try {
      await restored.migrate()
      assert.deepEqual(await read(restored), wanted)
      await restored.run('archive.add', rows.slice(0, 1)) // repeated by the log, as after step 3
      assert.deepEqual(await read(restored), wanted, 'what the log repeats changes nothing')
      await restored.run('archive.add', [{ ...rows[0], id: '200000000' } as (typeof rows)[number]])
      assert.notDeepEqual(await read(restored), wanted)
    } finally {
      await restored.close()
    }
  })
})
