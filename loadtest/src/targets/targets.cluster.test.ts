import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { loadtest, runLoadtest } from '../testing/loadtest.ts'
import { ejabberd } from './ejabberd.ts'
import { prosody } from './prosody.ts'

const folder = mkdtempSync(join(tmpdir(), 'starling-targets-'))
after(() => rmSync(folder, { recursive: true }))

/** Names nobody had before: the peer keeps its data, and it is the registration that is looked at. */
const prefix = `t${process.pid}x${Math.round(performance.timeOrigin)}n`
const password = 'of-the-test'

const scenario = (transport: string, accounts: string, more = ''): string => `users: 6
duration: 3s
warmUp: 1s
lostAfter: 5s
connection: {transport: ${transport}, carbons: true}
accounts: ${accounts}
${more}blocks: [chat: {rate: 20}]
`

for (const peer of [ejabberd, prosody]) {
  const skip = existsSync(peer.proof)
    ? false
    : `${peer.name} is not installed: npm run loadtest -- target ${peer.name} install`
  describe(`a load against ${peer.name}`, { skip }, () => {
    after(() => runLoadtest(['target', peer.name, 'down']))

    it('BOSH (XEP-0124, XEP-0206), accounts by in-band registration; STARTTLS, accounts of a CSV and an archive', async () => {
      const up = await runLoadtest(['target', peer.name, 'up'])
      assert.equal(up.status, 0, up.said)
      const registered = `{by: register, prefix: ${prefix}, password: ${password}}`
      const bosh = await loadtest(folder, scenario('bosh', registered), ['--target', peer.name])
      assert.deepEqual(whole(bosh.result.reconciled), { lost: 0, duplicated: 0, reordered: 0, bounced: 0 }, bosh.said)
      assert.ok(bosh.result.reconciled.sent > 0)
      // Once one of six sign-ins by BOSH was left unanswered by ejabberd for its 30 s, and done again: that is told, and no fault here
      assert.equal(bosh.result.online, 6, bosh.said)

      const csv = join(folder, `${peer.name}.csv`)
      writeFileSync(csv, ['user,password', ...[0, 1, 2, 3, 4, 5].map((i) => `${prefix}${i},${password}`)].join('\n'))
      const listed = await loadtest(folder, scenario('starttls', `{by: csv, file: ${csv}}`), ['--target', peer.name])
      assert.deepEqual(
        whole(listed.result.reconciled),
        { lost: 0, duplicated: 0, reordered: 0, bounced: 0 },
        listed.said,
      )
      assert.deepEqual([listed.result.online, listed.result.failures], [6, {}], listed.said)
      assert.ok((listed.result.server?.parts.find(({ name }) => name === 'postgres')?.cpuSeconds ?? 0) > 0)
    })
  })
}

function whole({
  lost,
  duplicated,
  reordered,
  bounced,
}: Readonly<Record<'lost' | 'duplicated' | 'reordered' | 'bounced', number>>) {
  return { lost, duplicated, reordered, bounced }
}
