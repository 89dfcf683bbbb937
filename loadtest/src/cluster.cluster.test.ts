import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runningCluster } from './coordinator/cluster-file.ts'
import { unlimited } from './coordinator/embedded.ts'
import { loadtest } from './testing/loadtest.ts'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'starling-cluster-load-'))
after(() => rmSync(folder, { recursive: true }))

const timeoutMs = 240_000

/** `npm run cluster -- ARGS`, away from a developer's own ports. */
function cluster(...args: readonly string[]): string {
  const env = { ...process.env, ...unlimited, STARLING_PORT_OFFSET: '1700' }
  const command = ['tools/bootstrap.mjs', 'tools/cluster/main.ts', ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: root,
    env,
    encoding: 'utf8',
    timeout: timeoutMs,
  })
  assert.equal(status, 0, stdout + stderr)
  return stdout
}

// `npm run cluster` has one folder, and so has --target cluster.
const isTaken = runningCluster(join(root, '.run')) !== undefined

describe('a load on npm run cluster', { skip: isTaken ? 'a cluster runs here already' : false }, () => {
  before(() => {
    cluster(
      'up',
      '--connection-manager',
      '2',
      '--session',
      '1',
      '--routing',
      '1',
      '--storage',
      '1',
      '--gateway',
      '1',
      '--fresh',
    )
  })
  after(() => void cluster('down'))

  it('--target cluster: accounts by the admin API; pods of connection-managers die under load, sessions go on, nothing is lost', async () => {
    const { result, said } = await loadtest(
      folder,
      `users: 20
duration: 20s
warmUp: 2s
lostAfter: 20s
blocks: [chat: {rate: 20}]
podKill: {every: 8s, service: connection-manager, restartAfter: 2s}
`,
      ['--target', 'cluster', '--workers', '2'],
    )
    const { reconciled, counts, server } = result
    assert.deepEqual([reconciled.lost, reconciled.duplicated, reconciled.reordered], [0, 0, 0], said)
    assert.ok(reconciled.sent > 100)
    // It did happen: pods died, connections with them, and their sessions were resumed.
    assert.match(said, /killed connection-manager-\d/)
    assert.ok((counts['disconnects'] ?? 0) > 0 && (counts['resumed'] ?? 0) > 0, JSON.stringify(counts))
    assert.equal(counts['resumeFailed'], 0)
    const names = new Set(server?.parts.map(({ name }) => name))
    for (const name of ['session-1', 'routing-1', 'storage-1', 'kafka-1', 'redis', 'postgres'])
      assert.ok(names.has(name), name)
  })
})
