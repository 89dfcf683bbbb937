import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Infrastructure, makeTestCertificates, startInfrastructure } from '@starling/testkit'
import { postgresStorage } from './postgres.ts'

describe('PostgreSQL by TLS, its certificate checked', () => {
  const directory = mkdtempSync(join(tmpdir(), 'starling-secure-postgres-'))
  let server: Infrastructure | undefined
  let caFile = ''
  const migrate = async (query: string): Promise<void> => {
    const storage = postgresStorage({ url: `${server?.urls.postgres}?${query}` })
    await storage.migrate().finally(() => storage.close())
  }

  before(async () => {
    const certificates = await makeTestCertificates(join(directory, 'certificates'), 'starling')
    caFile = certificates.caFile
    server = await startInfrastructure({ directory, postgres: { tls: certificates.server } })
  })
  after(async () => {
    await server?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  it('tables are made over a connection whose certificate the given authority signed', () =>
    migrate(`sslmode=verify-full&sslrootcert=${caFile}`))

  it('another authority’s certificate is refused', () =>
    assert.rejects(migrate('sslmode=verify-full'), /self-signed|unable to (get|verify)|certificate/i))
})
