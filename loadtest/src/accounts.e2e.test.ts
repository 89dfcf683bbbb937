import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startEmbedded } from './coordinator/embedded.ts'
import type { Target } from './coordinator/target.ts'
import { loadtest, runLoadtest } from './testing/loadtest.ts'

const folder = mkdtempSync(join(tmpdir(), 'starling-accounts-'))
after(() => rmSync(folder, { recursive: true }))

const users = 4
const scenario = (accounts: string): string => `users: ${users}
duration: 2s
warmUp: 500ms
accounts: ${accounts}
blocks: [chat: {rate: 10}]
`

describe('where the accounts of a load come from', () => {
  let target: Target
  let args: readonly string[] = []
  before(async () => {
    target = await startEmbedded('starttls')
    args = ['--target', `127.0.0.1:${target.endpoints[0]?.port}`, '--domain', target.domain]
  })
  after(() => target.stop())

  it('in-band registration (XEP-0077 §3.1), then the same accounts from a CSV', async () => {
    const made = await loadtest(folder, scenario('{by: register, prefix: inband, password: secret}'), args)
    assert.deepEqual([made.result.online, made.result.failures], [users, {}], made.said)
    const file = join(folder, 'accounts.csv')
    writeFileSync(file, Array.from({ length: users }, (_, i) => `"inband${i}@${target.domain}",secret`).join('\n'))
    const listed = await loadtest(folder, scenario(`{by: csv, file: ${file}}`), args)
    assert.deepEqual([listed.result.online, listed.result.failures], [users, {}], listed.said)
    assert.equal(listed.result.reconciled.received, listed.result.reconciled.sent)
    assert.ok(listed.result.reconciled.sent > 0)
  })

  it('the admin API; accounts that nobody made are told, and the run ends', async () => {
    const { admin } = target
    assert.ok(admin !== undefined)
    const api = ['--admin-url', admin.url, '--admin-token', admin.token]
    const made = await loadtest(folder, scenario('{by: api, prefix: byapi}'), [...args, ...api])
    assert.deepEqual([made.result.online, made.result.failures], [users, {}], made.said)
    const file = join(folder, 'nobody.yml')
    writeFileSync(file, scenario('{by: existing, prefix: nobody}'))
    const none = await runLoadtest([file, ...args])
    assert.equal(none.status, 4, none.said)
    assert.match(none.said, /nobody could sign in: sign-in: refused: not-authorized/)
  })
})
