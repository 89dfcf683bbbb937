import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { loadtest } from './testing/loadtest.ts'

const folder = mkdtempSync(join(tmpdir(), 'starling-verdicts-'))
after(() => rmSync(folder, { recursive: true }))

/** The server is one that does next to nothing: what is slow is the generator. */
const port = 25_998
const sink = join(import.meta.dirname, 'testing/sink-server.ts')
const target = ['--target', `127.0.0.1:${port}`, '--domain', 'localhost']

const scenario = (rate: number, threshold: string): string => `users: 100
duration: 4s
warmUp: 1s
signInRate: 200
lostAfter: 2s
arrivals: even
connection: {transport: tcp, mechanism: PLAIN, streamManagement: false}
accounts: {by: existing}
blocks: [chat: {rate: ${rate}}]
thresholds: ['${threshold}']
`

describe('verdicts and exit codes', () => {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', sink, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  before(() => once(child.stdout, 'data'))
  after(() => void child.kill())

  it('a generator that cannot keep its rate says so: the run is invalid, exit code 3, whatever its thresholds say', async () => {
    const { status, said, result } = await loadtest(folder, scenario(300_000, 'sent > 0'), target)
    assert.deepEqual([status, result.verdict], [3, 'invalid'], said)
    assert.ok(result.saturation.isSaturated && result.saturation.reasons.length > 0)
    assert.match(said, /INVALID: the generator was the limit/)
    assert.match(said, /used more than 90 % of a core|after they were due/)
  })

  it('a threshold that fails is exit code 1 and names its figure', async () => {
    const { status, said, result } = await loadtest(folder, scenario(20, 'sent < 1'), target)
    assert.deepEqual(
      result.thresholds.map(({ ok }) => ok),
      [false],
    )
    assert.match(said, /✖ sent < 1 \(\d+\)/)
    // A machine that is busy with something else makes even this generator late.
    assert.equal(status, result.saturation.isSaturated ? 3 : 1, said)
  })
})
