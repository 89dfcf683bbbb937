import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { shortFaults } from './plan.ts'
import { lineOf } from './report.ts'
import { runFaults } from './run.ts'

// The certificate of a test is its own: nobody signed it. In production clients check it.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'

describe('the short form of npm run faults: many clients talk, and things break', { timeout: 900_000 }, () => {
  it('R1–R8: nothing acknowledged is lost, comes twice, out of order or back; archives are complete', async (test) => {
    let at = 0
    const seed = 7
    test.diagnostic(`seed ${seed}`)
    const { rows, archives, isSound } = await runFaults({
      seed,
      members: 12,
      brokers: 3,
      portOffset: 11_000,
      next: () => shortFaults[at++],
      tell: (line) => test.diagnostic(line),
    })
    assert.ok(rows.length === shortFaults.length + 1)
    assert.deepEqual(archives, [])
    assert.ok(isSound, rows.map(lineOf).join('\n'))
  })
})
