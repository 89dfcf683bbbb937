import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { costsOf } from './costs.ts'

const server = {
  cpuSeconds: 3,
  cpuPerMillion: undefined,
  memoryMb: 90,
  memoryAtStartMb: 10,
  idlePercent: 1,
  memoryGrownMb: 50,
  parts: [],
}

describe('what a piece of work cost', () => {
  it('CPU and memory through what happened; nothing where nothing happened, or nothing is known of the server', () => {
    const counts = { presenceDelivered: 30_000, historyPages: 600, stormArrivals: 1_000 }
    assert.deepEqual(costsOf({ server, counts }), {
      cpuPerMillionPresence: 100,
      cpuPerThousandPages: 5,
      cpuPerThousandSignIns: 3,
      memoryPerSessionKb: 51.2,
    })
    const none = {
      cpuPerMillionPresence: undefined,
      cpuPerThousandPages: undefined,
      cpuPerThousandSignIns: undefined,
      memoryPerSessionKb: undefined,
    }
    assert.deepEqual(costsOf({ server, counts: {} }), none)
    assert.deepEqual(costsOf({ server: undefined, counts }), none)
  })
})
