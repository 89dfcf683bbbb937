import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { patiently } from './patiently.ts'
import { testLogger } from './test-ports.ts'

describe('waiting for what is away at the start', () => {
  it('tries until it is there, and says what to look at', async () => {
    const logger = testLogger()
    let tries = 0
    const found = await patiently(
      {
        what: 'log',
        hint: (error) => `hint for ${(error as Error).message}`,
        logger,
        stop: new AbortController().signal,
      },
      async () => {
        tries += 1
        if (tries < 2) throw new Error('away')
        return 'there'
      },
    )
    assert.equal(found, 'there')
    assert.deepEqual(
      logger.events.map(({ what, hint }) => [what, hint]),
      [
        ['log.waiting', 'hint for away'],
        ['log.found', undefined],
      ],
    )
  })

  it('gives up at once when the process is told to stop, also while a try has no answer', async () => {
    const silent = new AbortController()
    const unanswered = patiently(
      { what: 'log', hint: 'none', logger: testLogger(), stop: silent.signal },
      () => new Promise<never>(() => {}),
    )
    silent.abort()
    await assert.rejects(unanswered, { message: 'stopped while starting' })

    const stop = new AbortController()
    const waiting = patiently(
      { what: 'log', hint: 'none', logger: testLogger(), stop: stop.signal },
      async (): Promise<never> => {
        stop.abort()
        throw new Error('away')
      },
    )
    await assert.rejects(waiting)
  })
})
