import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { loadtest } from './testing/loadtest.ts'

const folder = mkdtempSync(join(tmpdir(), 'starling-archives-'))
after(() => rmSync(folder, { recursive: true }))

describe('archives of a load on the embedded server', () => {
  it('are filled before the load; pages of them are read, the newest and all in turn (XEP-0313 §4)', async () => {
    const { result, said } = await loadtest(
      folder,
      `users: 4
contacts: 2
archives: 30
duration: 3s
warmUp: 1s
blocks:
  - pages: {inFlight: 1, order: walking, pageSize: 10}
  - pages: {rate: 5, order: newest, pageSize: 10}
thresholds: [lost == 0, historyPages > 10, historyPage.p99 < 60s]
`,
    )
    const { counts, reconciled, failures } = result
    assert.deepEqual(failures, {}, said)
    // A pair fills two archives of 30 by 15 messages each way.
    assert.deepEqual([reconciled.sent, reconciled.received, reconciled.lost], [60, 60, 0], said)
    assert.equal(counts['subscriptionsMissing'], 0)
    // Walks end at 30 = three whole pages, and begin again: no page is short.
    assert.equal(counts['historyMessages'], (counts['historyPages'] ?? 0) * 10, JSON.stringify(counts))
  })
})
