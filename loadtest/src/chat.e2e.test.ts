import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { RunResult } from './report/result.ts'

const folder = mkdtempSync(join(tmpdir(), 'starling-loadtest-'))
after(() => rmSync(folder, { recursive: true }))

const main = join(import.meta.dirname, 'main.ts')

function loadtest(args: readonly string[]) {
  const ours = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('STARLING_')))
  const command = ['--disable-warning=ExperimentalWarning', main, ...args]
  return spawnSync(process.execPath, command, { encoding: 'utf8', env: ours, timeout: 240_000 })
}

const scenario = `users: 8
duration: 5s
warmUp: 1s
contacts: 2
blocks:
  - chat: {rate: 40}
  - presence: {rate: 4}
  - flaps: {rate: 1, away: 500ms}
thresholds: [lost == 0, duplicated == 0, reordered == 0]
`

describe('a load against the embedded server', () => {
  it('with two workers and STARTTLS: every message arrives once and in order, and both reports are written', () => {
    const file = join(folder, 'small.yml')
    writeFileSync(file, scenario)
    const { status, stdout, stderr } = loadtest([file, '--workers', '2', '--out', folder])
    // 3: a machine that is busy with something else makes the generator late; the messages must be there all the same.
    assert.ok(status === 0 || status === 3, `${status} ${stdout} ${stderr}`)
    const result = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as RunResult
    const { sent, received, lost, duplicated, reordered, bounced } = result.reconciled
    assert.ok(sent > 0)
    assert.deepEqual(
      { received, lost, duplicated, reordered, bounced },
      { received: sent, lost: 0, duplicated: 0, reordered: 0, bounced: 0 },
    )
    assert.ok((result.counts['presenceDelivered'] ?? 0) > 0)
    assert.equal(result.counts['resumeFailed'], 0)
    assert.ok((result.server?.cpuSeconds ?? 0) > 0)
    assert.deepEqual(result.failures, {})
    assert.doesNotMatch(readFileSync(join(folder, 'report.json'), 'utf8'), /of-the-load/)
    const html = readFileSync(join(folder, 'report.html'), 'utf8')
    assert.match(html, /<svg .*Latency of messages/)
    assert.doesNotMatch(html, /<script|src=|href=|of-the-load/)
  })

  it('a scenario that is wrong ends with 2 and its line; a target that is not there with 4 and a sentence', () => {
    const file = join(folder, 'wrong.yml')
    writeFileSync(file, 'users: x\nblocks: []\n')
    const wrong = loadtest([file])
    assert.equal(wrong.status, 2)
    assert.match(
      wrong.stderr,
      /wrong\.yml:1:8: users must be a whole number\n.*wrong\.yml:2:9: blocks must have 1 or more/,
    )
    writeFileSync(file, 'users: 2\nblocks: [idle: {}]\n')
    const nobody = loadtest([file, '--target', '127.0.0.1:1'])
    assert.equal(nobody.status, 4)
    assert.match(nobody.stderr, /127\.0\.0\.1:1 takes no connection \(ECONNREFUSED\): is the server running\?/)
  })
})
