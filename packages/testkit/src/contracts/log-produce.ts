import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type Log, LogError, type LogRecord } from '@starling/core'
import { unpackRecord } from '@starling/wire'
import fc from 'fast-check'
import { contractPartitions, envelope, type LogHarness, textsOf, until } from './log-harness.ts'

/** What produce, partitions and ends promise. */
export function produceContract(harness: () => LogHarness): void {
  it('partitions: the count of a topic; LOG_NO_TOPIC when there is none', async () => {
    const log = await harness().open()
    assert.equal(await log.partitions(await harness().topic()), contractPartitions)
    await assert.rejects(log.partitions('no.such.topic'), isCode('LOG_NO_TOPIC'))
    await assert.rejects(log.ends('no.such.topic'), isCode('LOG_NO_TOPIC'))
    await assert.rejects(log.committed('anyone', 'no.such.topic'), isCode('LOG_NO_TOPIC'))
  })

  it('produce: LOG_NO_TOPIC for a topic or partition that does not exist, and the others go on', async () => {
    const log = await harness().open()
    const topic = await harness().topic()
    const before = log.produce(topic, 0, [envelope('before')])
    const lost = log.produce('no.such.topic', 0, [envelope('lost')])
    const outside = log.produce(topic, contractPartitions, [envelope('outside')])
    const after = log.produce(topic, 1, [envelope('after')])
    await assert.rejects(lost, isCode('LOG_NO_TOPIC'))
    await assert.rejects(outside, isCode('LOG_NO_TOPIC'))
    await Promise.all([before, after])
    for (let i = 0; i < 5; i++) await log.produce(topic, 0, [envelope(`later ${i}`)])
    assert.deepEqual((await readAll(log, topic, 0)).texts, ['before', ...[0, 1, 2, 3, 4].map((i) => `later ${i}`)])
  })

  it('produce: concurrent calls keep their order, and ride in fewer records than calls', async () => {
    const log = await harness().open()
    const topic = await harness().topic()
    const calls = Array.from({ length: 2000 }, (_, i) => log.produce(topic, i % 2, [envelope(`${i}`)]))
    const offsets = (await Promise.all(calls)).map((produced) => produced.offset)
    for (const partition of [0, 1]) {
      const read = await readAll(log, topic, partition)
      const sent = Array.from({ length: 1000 }, (_, i) => `${2 * i + partition}`)
      assert.deepEqual(read.texts, sent)
      assert.ok(read.records.length < 500, `${read.records.length} records for 1000 envelopes`)
      const mine = offsets.filter((_, i) => i % 2 === partition)
      assert.deepEqual(
        mine,
        [...mine].sort((a, b) => a - b),
      )
    }
  })

  it('produce: resolves with the offset of the record that holds its first envelope', async () => {
    const log = await harness().open()
    const topic = await harness().topic()
    const calls = Array.from({ length: 50 }, (_, i) => log.produce(topic, 3, [envelope(`a${i}`), envelope(`b${i}`)]))
    const offsets = (await Promise.all(calls)).map((produced) => produced.offset)
    const { records } = await readAll(log, topic, 3)
    offsets.forEach((offset, i) => {
      const record = records.find((one) => one.offset === offset)
      assert.ok(record !== undefined && textsOf({ topic, partition: 3, records: [record] }).includes(`a${i}`))
    })
    assert.equal((await log.ends(topic)).get(3), (records.at(-1)?.offset ?? 0) + 1)
    assert.equal(records[0]?.timestampMs, harness().now)
  })

  it('produce: no envelopes still give an offset', async () => {
    const log = await harness().open()
    const topic = await harness().topic()
    const { offset } = await log.produce(topic, 2, [])
    assert.equal((await log.ends(topic)).get(2), offset + 1)
  })

  it('produce: more than maxRecordBytes are split into records in order; one envelope over it is refused', async () => {
    const log = await harness().open({ maxRecordBytes: 1000 })
    const topic = await harness().topic()
    const envelopes = Array.from({ length: 40 }, (_, i) => envelope(`${i}`.padStart(100, '.')))
    const [first] = await Promise.all([
      log.produce(topic, 0, envelopes),
      log.produce(topic, 0, [envelope('behind')]),
      assert.rejects(log.produce(topic, 0, [new Uint8Array(1000)]), isCode('LOG_FAILED')),
    ])
    const { texts, records } = await readAll(log, topic, 0)
    assert.deepEqual(texts, [...envelopes.map((bytes) => Buffer.from(bytes).toString()), 'behind'])
    assert.equal(records[0]?.offset, first.offset)
    assert.ok(records.length > 3)
    for (const record of records) assert.ok(record.value.length <= 1000)
  })

  it('produce: rejects LOG_FULL at once above maxPendingBytes, keeps what it took, and takes more later', async () => {
    const log = await harness().open({ maxPendingBytes: 10_000 })
    const topic = await harness().topic()
    const calls = Array.from({ length: 20 }, (_, i) => log.produce(topic, 0, [envelope(`${i}`.padStart(1000, '.'))]))
    assert.ok(log.health().pendingBytes > 8000 && log.health().pendingBytes <= 10_000)
    const outcomes = await Promise.allSettled(calls)
    const taken = outcomes.filter((outcome) => outcome.status === 'fulfilled').length
    assert.ok(taken > 5 && taken < 20)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') assert.ok(isCode('LOG_FULL')(outcome.reason))
    }
    assert.equal(log.health().pendingBytes, 0)
    await log.produce(topic, 0, [envelope('later')])
    assert.equal((await readAll(log, topic, 0)).texts.length, taken + 1)
  })

  it('close: waits for what was produced, refuses what comes after', async () => {
    const log = await harness().open({ maxRecordBytes: 4096 })
    const topic = await harness().topic()
    await log.produce(topic, 0, [envelope('0')])
    const calls = Promise.all(Array.from({ length: 100 }, (_, i) => log.produce(topic, 0, [envelope(`${i}`)])))
    await Promise.all([log.close(), calls])
    await assert.rejects(log.produce(topic, 0, [envelope('late')]), isCode('LOG_CLOSED'))
  })

  it('property: any calls, any sizes: every envelope once, in the order of the calls of its partition', async () => {
    const log = await harness().open({ maxRecordBytes: 256 })
    const call = fc.record({
      partition: fc.nat(contractPartitions - 1),
      sizes: fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 5 }),
      waits: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 40 }), async (calls) => {
        const topic = await harness().topic()
        const sent = new Map<number, string[]>()
        const pending: Promise<unknown>[] = []
        for (const [i, { partition, sizes, waits }] of calls.entries()) {
          const texts = sizes.map((size, k) => `${i}.${k}.`.padEnd(size, '.'))
          sent.set(partition, [...(sent.get(partition) ?? []), ...texts])
          pending.push(log.produce(topic, partition, texts.map(envelope)))
          if (waits) await Promise.all(pending)
        }
        await Promise.all(pending)
        for (const [partition, texts] of sent) {
          assert.deepEqual((await readAll(log, topic, partition)).texts, texts)
        }
      }),
      { numRuns: harness().runs },
    )
  })
}

/** Tells whether an error is the log's, by its code. */
export function isCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof LogError && error.code === code
}

/** Everything that stands in a partition now. */
async function readAll(
  log: Log,
  topic: string,
  partition: number,
): Promise<{ texts: readonly string[]; records: readonly LogRecord[] }> {
  const end = (await log.ends(topic)).get(partition) ?? 0
  const records: LogRecord[] = []
  const reader = await log.read(topic, partition, {
    from: 0,
    handle: async (batch) => {
      records.push(...batch.records)
    },
  })
  if (end > 0) await until(`offset ${end - 1} was read`, () => records.some((record) => record.offset === end - 1))
  await reader.close()
  const texts = records.flatMap((record) => {
    const unpacked = unpackRecord(record.value)
    assert.ok(unpacked.ok)
    return unpacked.value.map((bytes) => Buffer.from(bytes).toString())
  })
  return { texts, records }
}
