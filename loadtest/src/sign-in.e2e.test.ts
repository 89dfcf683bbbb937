import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { loadtest } from './testing/loadtest.ts'

const folder = mkdtempSync(join(tmpdir(), 'starling-signin-'))
after(() => rmSync(folder, { recursive: true }))

const scenario = (connection: string): string => `users: 6
duration: 4s
warmUp: 1s
contacts: 2
connection: {${connection}, carbons: true, clientState: true}
blocks:
  - chat: {rate: 20}
  - flaps: {rate: 2, away: 300ms}
  - loginStorm: {users: 4, rate: 2, stay: 300ms}
thresholds: [lost == 0, duplicated == 0, signInFailures == 0, resumeFailed == 0]
`

describe('how the clients of a load sign in to the embedded server', () => {
  it('XEP-0388, XEP-0386, XEP-0198 §9.2: SASL2 with everything inside, and resumption inside too', async () => {
    const { result, said } = await loadtest(folder, scenario('transport: starttls, signIn: sasl2'))
    const { counts, reconciled, failures } = result
    assert.deepEqual([failures, reconciled.lost, reconciled.duplicated], [{}, 0, 0], said)
    assert.equal(reconciled.received, reconciled.sent)
    assert.ok((counts['resumed'] ?? 0) > 0 && (counts['signedIn'] ?? 0) > 0, JSON.stringify(counts))
    assert.deepEqual([counts['resumeFailed'], counts['tokenSignIns']], [0, 0])
    // XEP-0198 §9.1: stream management was switched on inside of <bind/>
    assert.ok(reconciled.acked > 0)
  })

  it('XEP-0484: by a token from the second time on; none is refused, and sessions are resumed by it', async () => {
    const { result, said } = await loadtest(folder, scenario('transport: websocket, signIn: fast'))
    const { counts, reconciled, failures } = result
    assert.deepEqual([failures, reconciled.lost, reconciled.duplicated], [{}, 0, 0], said)
    assert.ok((counts['resumed'] ?? 0) > 0, JSON.stringify(counts))
    assert.equal(counts['tokensRefused'], 0)
    // every resumption is a second sign-in of its client
    assert.ok((counts['tokenSignIns'] ?? 0) >= (counts['resumed'] ?? 0), JSON.stringify(counts))
  })

  it('XEP-0124, XEP-0206: over BOSH, where XEP-0198 in it resumes what a lost BOSH session held', async () => {
    const { result, said } = await loadtest(folder, scenario('transport: bosh, streamManagement: true'))
    const { counts, reconciled, failures } = result
    assert.deepEqual([failures, reconciled.lost, reconciled.duplicated], [{}, 0, 0], said)
    assert.equal(reconciled.received, reconciled.sent)
    assert.ok(reconciled.sent > 0 && (counts['resumed'] ?? 0) > 0, JSON.stringify(counts))
  })
})
