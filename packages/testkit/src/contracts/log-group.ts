import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Committed, GroupOptions, Log, LogBatch, LogReader } from '@starling/core'
import { contractPartitions, envelope, gate, type LogHarness, pause, textsOf, until } from './log-harness.ts'

/** What consumer groups promise (R2, R3). */
export function groupContract(harness: () => LogHarness): void {
  it('R2 a group starts at the beginning, is told of its partitions first, and commits what was handled', async () => {
    const log = await harness().open()
    const topic = await harness().topic()
    for (let i = 0; i < 20; i++) await log.produce(topic, i % contractPartitions, [envelope(`${i}`)])
    const member = await join(log, 'starters', topic)
    await until('all were handled', () => member.texts.length === 20)
    assert.deepEqual(new Set(member.texts), new Set(Array.from({ length: 20 }, (_, i) => `${i}`)))
    assert.equal(member.faults.length, 0)
    assert.ok([...member.committedAtStart.values()].every((committed) => committed === undefined))
    const ends = await log.ends(topic)
    await until('all was committed', async () => {
      const committed = await log.committed('starters', topic)
      return [...ends].every(([partition, end]) => committed.get(partition)?.offset === end)
    })
    await member.reader.close()
  })

  it('R3 metadata comes back at the next assignment, unharmed, up to 4,000 bytes of it', async () => {
    const log = await harness().open()
    const topic = await harness().topic()
    const metadata = (partition: number): string => `${partition} é✓ ${'x'.repeat(3980)}`
    for (let partition = 0; partition < contractPartitions; partition++) {
      await log.produce(topic, partition, [envelope('one')])
    }
    const first = await join(log, 'keepers', topic, { metadata: (batch) => metadata(batch.partition) })
    await until('all were handled', () => first.texts.length === contractPartitions)
    await first.reader.close()
    const second = await join(log, 'keepers', topic)
    await until('all are assigned', () => second.committedAtStart.size === contractPartitions)
    const ends = await log.ends(topic)
    for (const [partition, committed] of second.committedAtStart) {
      assert.deepEqual(committed, { offset: ends.get(partition), metadata: metadata(partition) })
    }
    assert.deepEqual((await log.committed('keepers', topic)).get(2)?.metadata, metadata(2))
    await log.produce(topic, 4, [envelope('two')])
    await until('the new one was handled', () => second.texts.length === 1)
    assert.deepEqual(second.texts, ['two'])
    await second.reader.close()
  })

  it('R2 a refused batch is handed over again and nothing of it is committed meanwhile', async () => {
    const log = await harness().open()
    const topic = await harness().topic()
    let refusals = 3
    const member = await join(log, 'refusers', topic, {
      before: async (batch) => {
        if (batch.partition !== 1 || refusals === 0) return
        assert.equal((await log.committed('refusers', topic)).get(1), undefined)
        refusals--
        throw new Error('refused')
      },
    })
    for (const text of ['a', 'b', 'c']) await log.produce(topic, 1, [envelope(text)])
    await until('all were handled', () => member.texts.length === 3)
    assert.equal(refusals, 0)
    assert.deepEqual(member.texts, ['a', 'b', 'c'])
    await member.reader.close()
    assert.equal((await log.committed('refusers', topic)).get(1)?.offset, (await log.ends(topic)).get(1))
  })

  it('R2 a member that ends between handle and commit: its batch is handed to the next one', async () => {
    const log = await harness().open({ closeTimeoutMs: 50 })
    const topic = await harness().topic()
    const stuck = gate()
    let started = 0
    const doomed = await join(log, 'doomed', topic, {
      before: async (batch) => {
        if (textsOf(batch).includes('kept')) return
        started++
        await stuck.passed
      },
      metadata: () => 'of the ended one',
    })
    await log.produce(topic, 6, [envelope('kept')])
    await until('the first was handled', () => doomed.texts.length === 1)
    await log.produce(topic, 6, [envelope('again')])
    await until('the second is at work', () => started === 1)
    await doomed.reader.close()
    const next = await join(log, 'doomed', topic)
    await until('the next member handled it', () => next.texts.length > 0)
    assert.deepEqual(next.texts, ['again'])
    await until('the next one committed', async () => {
      return (await log.committed('doomed', topic)).get(6)?.offset === (await log.ends(topic)).get(6)
    })
    stuck.open()
    await until("the ended one's batch has ended too", () => doomed.texts.includes('again'))
    await pause(100) // what it would commit now must not show
    await next.reader.close()
    assert.equal((await log.committed('doomed', topic)).get(6)?.metadata, 'm')
  })

  it('members share the partitions, a joining one takes some over, a leaving one gives all back, nothing is lost', async () => {
    const [one, two] = [await harness().open(), await harness().open()]
    const topic = await harness().topic()
    const first = await join(one, 'sharers', topic)
    await until('the first has all', () => first.held.size === contractPartitions)
    const second = await join(two, 'sharers', topic)
    await until('they share', () => first.held.size === 4 && second.held.size === 4)
    assert.equal(new Set([...first.held, ...second.held]).size, contractPartitions)
    const sent = new Set<string>()
    for (let i = 0; i < 200; i++) {
      if (i === 100) void first.reader.close()
      sent.add(`${i}`)
      await one.produce(topic, i % contractPartitions, [envelope(`${i}`)])
    }
    await until('the second has all', () => second.held.size === contractPartitions)
    await until('all were handled', () => new Set([...first.texts, ...second.texts]).size === sent.size)
    assert.ok(first.texts.length > 0)
    assert.deepEqual([...first.faults, ...second.faults], [])
    await second.reader.close()
    const ends = await one.ends(topic)
    const committed = await one.committed('sharers', topic)
    for (const [partition, end] of ends) assert.equal(committed.get(partition)?.offset, end)
  })

  it('a slow handler of one partition stops no other', async () => {
    const log = await harness().open()
    const topic = await harness().topic()
    const slow = gate()
    const member = await join(log, 'patient', topic, {
      before: (batch) => (batch.partition === 0 ? slow.passed : Promise.resolve()),
    })
    for (let i = 0; i < 80; i++) await log.produce(topic, i % contractPartitions, [envelope(`${i}`)])
    await until('all others were handled', () => member.texts.length === 70)
    slow.open()
    await until('all were handled', () => member.texts.length === 80)
    assert.deepEqual(member.faults, [])
    await member.reader.close()
  })

  it('maxBatchRecords is kept, and batches of a partition follow each other', async () => {
    const log = await harness().open({ maxRecordBytes: 64 })
    const topic = await harness().topic()
    const envelopes = Array.from({ length: 100 }, (_, i) => envelope(`${i}`.padEnd(40)))
    await log.produce(topic, 0, envelopes)
    const sizes: number[] = []
    const member = await join(log, 'small', topic, {
      before: async (batch) => {
        sizes.push(batch.records.length)
      },
      maxBatchRecords: 7,
    })
    await until('all were handled', () => member.texts.length === 100)
    assert.deepEqual(
      member.texts.map((text) => Number(text)),
      Array.from({ length: 100 }, (_, i) => i),
    )
    assert.ok(sizes.every((size) => size <= 7))
    assert.deepEqual(member.faults, [])
    await member.reader.close()
  })

  it('two groups of one topic each see everything', async () => {
    const log = await harness().open()
    const topic = await harness().topic()
    const members = [await join(log, 'left', topic), await join(log, 'right', topic)]
    for (let i = 0; i < 40; i++) await log.produce(topic, i % contractPartitions, [envelope(`${i}`)])
    await until('both have all', () => members.every((member) => member.texts.length === 40))
    await Promise.all(members.map((member) => member.reader.close()))
  })
}

/** A member of a group that notes everything that happens to it. */
interface Noted {
  readonly reader: LogReader
  readonly texts: string[]
  readonly held: Set<number>
  readonly committedAtStart: Map<number, Committed | undefined>
  /** What the port forbids and yet happened. */
  readonly faults: string[]
}

async function join(
  log: Log,
  group: string,
  topic: string,
  extra: {
    readonly before?: (batch: LogBatch) => Promise<void>
    readonly metadata?: (batch: LogBatch) => string
    readonly maxBatchRecords?: number
  } = {},
): Promise<Noted> {
  const texts: string[] = []
  const held = new Set<number>()
  const atWork = new Set<number>()
  const committedAtStart = new Map<number, Committed | undefined>()
  const faults: string[] = []
  const next = new Map<number, number>()
  const options: GroupOptions = {
    group,
    topics: [topic],
    onAssigned: (_, partition, committed) => {
      if (held.has(partition)) faults.push(`partition ${partition} assigned twice`)
      held.add(partition)
      committedAtStart.set(partition, committed)
      next.set(partition, committed?.offset ?? 0)
    },
    onRevoked: (_, partition) => {
      if (!held.delete(partition)) faults.push(`partition ${partition} revoked without having been assigned`)
    },
    handle: async (batch) => {
      const { partition } = batch
      if (!held.has(partition)) faults.push(`a batch of partition ${partition} before its assignment`)
      if (atWork.has(partition)) faults.push(`two batches of partition ${partition} at once`)
      for (const { offset } of batch.records) {
        if (offset < (next.get(partition) ?? 0)) faults.push(`offset ${offset} of ${partition} once more`)
      }
      atWork.add(partition)
      try {
        await extra.before?.(batch)
      } finally {
        atWork.delete(partition)
      }
      next.set(partition, (batch.records.at(-1)?.offset ?? 0) + 1)
      texts.push(...textsOf(batch))
      return extra.metadata?.(batch) ?? 'm'
    },
    ...(extra.maxBatchRecords === undefined ? {} : { maxBatchRecords: extra.maxBatchRecords }),
  }
  return { reader: await log.consume(options), texts, held, committedAtStart, faults }
}
