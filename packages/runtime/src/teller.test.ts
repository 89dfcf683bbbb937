import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createTeller, repeatMs } from './teller.ts'
import { testLogger } from './test-ports.ts'

describe('events of adapters in the log', () => {
  it('what comes again and again is told once in ten seconds, with how often; after an up it is news', () => {
    const logger = testLogger()
    let now = 0
    const tell = createTeller(logger, () => now)
    for (let times = 0; times < 5; times++) tell('presence.down', { times })
    tell('log.down', {})
    now = repeatMs
    tell('presence.down', { times: 9 })
    tell('presence.up', {})
    tell('presence.down', { times: 10 })
    assert.deepEqual(logger.events, [
      { what: 'presence.down', times: 0 },
      { what: 'log.down' },
      { what: 'presence.down', times: 9, leftOut: 4 },
      { what: 'presence.up' },
      { what: 'presence.down', times: 10 },
    ])
  })
})
