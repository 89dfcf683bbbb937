import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import type { Presence } from '@starling/core'
import { type Infrastructure, makeTestCertificates, startInfrastructure } from '@starling/testkit'
import { redisPresence } from './redis.ts'

const password = 'the-password/of%41:starling'

describe('Redis by TLS, as a user of its own', () => {
  const directory = mkdtempSync(join(tmpdir(), 'starling-secure-redis-'))
  let server: Infrastructure | undefined
  let ca = ''
  const told: unknown[] = []
  const opened: Presence[] = []
  const open = (user: string, more: { readonly ca?: string; readonly password?: string } = {}): Presence => {
    const { ca: authority, ...given } = more
    const url = `rediss://${user}@127.0.0.1:${server?.redis?.port}`
    const tls = authority === undefined ? undefined : { ca: authority }
    const onEvent = (what: string, detail: unknown): void => void told.push([what, detail])
    const presence = redisPresence({ url, ...given, tls, timeoutMs: 2_000, onEvent })
    opened.push(presence)
    return presence
  }
  const refuses = async (presence: Presence): Promise<void> => {
    await assert.rejects(presence.readSlots([0]))
    assert.equal(presence.isUp(), false)
    await presence.close()
  }

  before(async () => {
    const { caFile, server: own } = await makeTestCertificates(join(directory, 'certificates'), 'starling')
    ca = readFileSync(caFile, 'utf8')
    const tls = ['--tls-cert-file', own.certificateFile, '--tls-key-file', own.keyFile, '--tls-ca-cert-file', caFile]
    const starling = ['--user', 'starling', 'on', `>${password}`, '~*', '&*', '+@all']
    const users = [...starling, '--user', 'default', 'off']
    const settings = [...tls, '--tls-auth-clients', 'no', ...users]
    server = await startInfrastructure({ directory, redis: { persistent: false, settings } })
  })
  after(async () => {
    await Promise.all(opened.map((presence) => presence.close())) // also of a test that failed
    await server?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  it('a lease is taken and read', async () => {
    const presence = open(`starling:${encodeURIComponent(password)}`, { ca })
    assert.ok(await presence.leaseSlot('pod-1', 4, 5_000))
    await presence.close()
  })

  it('the password may come beside the URL, from a Secret of its own; that of the URL comes first', async () => {
    const beside = open('starling', { ca, password })
    assert.equal((await beside.readSlots([3])).size, 0)
    await beside.close()
    await refuses(open('starling:not-the-password', { ca, password }))
    await refuses(open('starling', { ca, password: 'not-the-password' }))
  })

  it('without the authority, or with a wrong password, nothing is reached; no password is told', async () => {
    await refuses(open(`starling:${encodeURIComponent(password)}`))
    await refuses(open('starling:not-the-password', { ca }))
    assert.ok(!/the-password/.test(inspect(told, { depth: 12 })), 'the password is told')
  })
})
