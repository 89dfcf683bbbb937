import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { olderTree } from './older-tree.ts'
import { lineOf } from './report.ts'
import { runFaults } from './run.ts'
import { previousVersion, upgrade } from './upgrade.ts'

// The certificate of a test is its own: nobody signed it. In production clients check it.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'

describe('an upgrade under load: versions N−1 and N side by side', { timeout: 600_000 }, () => {
  it('pods are replaced one by one, some go back: nothing is lost, comes twice or out of order', async (test) => {
    const ref = previousVersion()
    const older = await olderTree(ref).catch((error: Error) => error)
    if (older instanceof Error) return test.skip(older.message)
    const faults = upgrade(older.directory)
    let at = 0
    try {
      const { rows, archives, isSound } = await runFaults({
        seed: 5,
        members: 8,
        brokers: 1,
        portOffset: 11_000,
        tree: older.directory,
        next: () => {
          const fault = faults[at++]
          return fault === undefined ? undefined : { fault, isJudged: true }
        },
        tell: (line) => test.diagnostic(line),
      })
      assert.equal(rows.length, faults.length + 1)
      assert.deepEqual(archives, [])
      assert.ok(isSound, rows.map(lineOf).join('\n'))
    } finally {
      older.remove()
    }
  })
})
