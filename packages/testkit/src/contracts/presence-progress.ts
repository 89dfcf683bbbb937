import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { PresenceHarness } from './presence-harness.ts'

/** What notes of progress promise (R11). */
export function progressContract(harness: () => PresenceHarness): void {
  it('R11 progress is what was noted last, by whomever, for each stage and partition apart', async () => {
    const { open } = harness()
    const [one, other] = [await open('progress'), await open('progress')]
    assert.equal(await one.readProgress('session', 3), undefined)
    await one.noteProgress('session', 3, { offset: 0, metadata: '', forgotAtMs: 0 }, one.connections())
    assert.deepEqual(await other.readProgress('session', 3), { offset: 0, metadata: '', forgotAtMs: 0 })
    const far = { offset: 2 ** 45, metadata: '2:AQYBAAA+/=', forgotAtMs: 1_764_000_000_000 }
    await other.noteProgress('session', 3, far, other.connections())
    await other.noteProgress('routing', 3, { ...far, offset: 7 }, other.connections())
    assert.deepEqual(await one.readProgress('session', 3), far)
    assert.deepEqual(await one.readProgress('routing', 3), { ...far, offset: 7 })
    assert.equal(await one.readProgress('session', 33), undefined)
  })

  it('R11 a note for a connection that is over is not made', async () => {
    const presence = await harness().open('over')
    const note = presence.noteProgress('session', 4, { offset: 7, metadata: '', forgotAtMs: 0 }, -1)
    await assert.rejects(note, { code: 'PRESENCE_DOWN' })
    assert.equal(await presence.readProgress('session', 4), undefined)
  })
}
