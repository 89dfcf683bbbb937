import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Batch, type Log, LogError, type Output, type Work } from '@starling/core'
import { type Cause, type Envelope, encodeEnvelope, type InboxName, inboxes } from '@starling/wire'
import { maxBatchTries, runKeyed } from './keyed.ts'
import { createPublisher } from './publisher.ts'
import { testLog, testLogger, testMetrics, until } from './test-ports.ts'

const key = 'romeo@example.org'
const { topic } = inboxes.session

function drop(reason: string, cause?: Cause): Uint8Array {
  const target = { slot: 0, epoch: 0, connection: 1 }
  return encodeEnvelope({
    kind: 'drop',
    key,
    atMs: 1,
    target,
    head: { reason },
    ...(cause === undefined ? {} : { cause }),
  })
}

function reasons(batch: Batch): string[] {
  return batch.inputs.map(({ envelope }) => (envelope.kind === 'drop' ? envelope.head.reason : envelope.kind))
}

const flush: Envelope = { kind: 'flush', key, atMs: 1, head: { resource: 'r' } }

async function start(log: Log, work: (batch: Batch) => Promise<Work>) {
  const logger = testLogger()
  const metrics = testMetrics()
  const ports = { log, publisher: await createPublisher(log), logger, metrics }
  const reader = await runKeyed('session', ['session'], { work }, ports)
  return { reader, logger, metrics }
}

describe('R3: a keyed stage at work', () => {
  it('drops an envelope whose cause is not above the highest seen from its source', async () => {
    const log = testLog()
    const seen: string[] = []
    const { metrics } = await start(log, async (batch) => {
      seen.push(...reasons(batch))
      return { outputs: [] }
    })
    const cause = (offset: number) => ({ inbox: 2, partition: 0, offset, index: 0 })
    for (const offset of [5, 5, 4, 6]) await log.produce(topic, 0, [drop(`at ${offset}`, cause(offset))])
    await until('the last one', () => seen.includes('at 6'))
    assert.deepEqual(seen, ['at 5', 'at 6'])
    assert.equal(metrics.counts.get('starling_duplicates_total'), 2)
    await log.close()
  })

  it('the next owner of the partition drops the same ones: the table travels in the commit', async () => {
    const log = testLog()
    const seen: string[] = []
    const work = async (batch: Batch): Promise<Work> => {
      seen.push(...reasons(batch))
      return { outputs: [] }
    }
    const first = await start(log, work)
    await log.produce(topic, 0, [drop('once', { inbox: 2, partition: 0, offset: 5, index: 0 })])
    await until('the first', () => seen.length === 1)
    await first.reader.close()
    await start(log, work)
    await log.produce(topic, 0, [drop('again', { inbox: 2, partition: 0, offset: 5, index: 0 }), drop('new')])
    await until('the new one', () => seen.includes('new'))
    assert.deepEqual(seen, ['once', 'new'])
    await log.close()
  })

  it('R2: a batch whose work, publishing or saving fails is handed over whole again, and nothing of it counts as seen', async () => {
    const log = testLog()
    const tries: string[][] = []
    let saves = 0
    await start(log, async (batch) => {
      tries.push(reasons(batch))
      if (tries.length === 1) throw new LogError('LOG_FAILED', 'away')
      return {
        outputs: [],
        save: async () => {
          saves += 1
          if (saves === 1) throw new LogError('LOG_FAILED', 'away')
        },
      }
    })
    await log.produce(topic, 0, [drop('kept', { inbox: 2, partition: 0, offset: 1, index: 0 })])
    await until('the third try', () => saves === 2)
    assert.deepEqual(tries, [['kept'], ['kept'], ['kept']])
    await log.close()
  })

  it('infrastructure that stays away is waited for without end; a bug is given up after some tries, loudly', async () => {
    const log = testLog()
    let tries = 0
    let isAway = true
    const { metrics, logger } = await start(log, async (batch) => {
      tries += 1
      if (isAway) throw new LogError('LOG_FAILED', 'away')
      if (reasons(batch).includes('poison')) throw new TypeError('a bug')
      return { outputs: [] }
    })
    await log.produce(topic, 0, [drop('poison')])
    await until('more tries than a bug gets', () => tries > maxBatchTries + 3)
    isAway = false
    await until('giving up', () => metrics.counts.get('starling_batches_given_up_total') === 1)
    assert.ok(logger.events.some(({ what }) => what === 'batch.given-up'))
    await log.close()
  })

  it('what nobody can read is logged and passed over', async () => {
    const log = testLog()
    const seen: string[] = []
    const { metrics } = await start(log, async (batch) => {
      seen.push(...reasons(batch))
      return { outputs: [] }
    })
    await log.produce(topic, 0, [new Uint8Array([250, 1, 2]), drop('good')])
    await until('the good one', () => seen.length === 1)
    assert.equal(metrics.counts.get('starling_unreadable_total'), 1)
    await log.close()
  })
})

describe('R2, R3: publishing what a batch caused', () => {
  const cause = { place: { inbox: 'session', partition: 1, offset: 9, index: 3 } as const, envelope: flush }

  /** A log that records calls and acknowledges when told. */
  function slowLog() {
    const calls: { topic: string; partition: number; envelopes: readonly Uint8Array[]; acknowledge: () => void }[] = []
    const log = {
      partitions: async () => 4,
      produce: (to: string, partition: number, envelopes: readonly Uint8Array[]) =>
        new Promise((resolve) =>
          calls.push({ topic: to, partition, envelopes, acknowledge: () => resolve({ offset: 0 }) }),
        ),
    } as unknown as Log
    return { log, calls }
  }

  const output = (to: InboxName, envelope: Envelope, isQuestion = false): Output => ({
    cause,
    to,
    envelope,
    isQuestion,
  })

  it('pods and routing first, session next, storage last: each durable before the next', async () => {
    const { log, calls } = slowLog()
    const publisher = await createPublisher(log)
    const done = publisher.publishWork('routing', [
      output('storage', flush),
      output('session', flush),
      output('routing', flush),
    ])
    for (const expected of ['routing', 'session', 'storage'] as const) {
      await until(expected, () => calls.length > 0)
      assert.deepEqual(
        calls.map((call) => call.topic),
        [inboxes[expected].topic],
      )
      calls.shift()?.acknowledge()
    }
    await done
  })

  it('a cast goes once to each partition of its keys, with the same number', async () => {
    const log = testLog()
    const publisher = await createPublisher(log)
    const got = new Map<number, Envelope[]>()
    const { decodeRecords } = await import('./decode.ts')
    for (const partition of [0, 1]) {
      await log.read(inboxes.routing.topic, partition, {
        from: 0,
        handle: async ({ records }) => {
          got.set(
            partition,
            decodeRecords(records, () => assert.fail()).map(({ envelope }) => envelope),
          )
        },
      })
    }
    const keys = Array.from({ length: 20 }, (_, i) => `user${i}@example.org`)
    const stanza = {
      kind: 'presence',
      type: '',
      id: '',
      from: '',
      to: '',
      payloads: [],
      raw: Buffer.from('<presence/>'),
    } as const
    await publisher.publishWork('routing', [
      output('routing', flush),
      output('routing', { kind: 'cast', key: '', atMs: 1, keys, stanza }),
      output('storage', flush, true),
    ])
    const casts = () => [...got.values()].flat().flatMap((envelope) => (envelope.kind === 'cast' ? [envelope] : []))
    await until('both casts', () => casts().length === 2)
    assert.deepEqual(
      casts()
        .flatMap((one) => one.keys)
        .sort(),
      [...keys].sort(),
    )
    assert.deepEqual(
      casts().map((one) => one.cause?.index),
      [3 * 65_536 + 1, 3 * 65_536 + 1],
    )
    await log.close()
  })
})
