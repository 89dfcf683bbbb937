import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gatheringOf } from './ports.ts'

describe('runtime: how long a process gathers for Kafka', () => {
  it('the whole time where clients come in, and what is for them is fetched at once', () => {
    assert.deepEqual(gatheringOf(8, [{ kind: 'pod' }]), { gatherMs: 8, fetchGatherMs: 0 })
  })

  it('further on what comes is fetched at that pace, and what goes leaves after a quarter of it: it comes gathered already', () => {
    assert.deepEqual(gatheringOf(8, [{ kind: 'keyed' }]), { gatherMs: 2, fetchGatherMs: 8 })
  })

  it('the archive, which nobody waits for, is fetched with the most patience', () => {
    assert.deepEqual(gatheringOf(8, [{ kind: 'storage' }]), { gatherMs: 2, fetchGatherMs: 16 })
  })

  it('not at all with 0', () => {
    assert.deepEqual(gatheringOf(0, [{ kind: 'keyed' }]), { gatherMs: 0, fetchGatherMs: 0 })
  })
})
