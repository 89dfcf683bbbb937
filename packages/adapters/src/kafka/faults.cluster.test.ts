import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Log, LogError, type LogReader } from '@starling/core'
import { type Infrastructure, type Server, startInfrastructure } from '@starling/testkit'
import { unpackRecord } from '@starling/wire'
import { createTopics, type KafkaClient, kafkaLog } from './kafka.ts'

const partitions = 4

describe('the log on Kafka: a broker that fails', { timeout: 400_000 }, () => {
  let directory = ''
  let infrastructure: Infrastructure | undefined
  const broker = (): Server => {
    const [first] = infrastructure?.kafka ?? []
    if (first === undefined) throw new Error('Kafka did not start')
    return first
  }
  const logs: Log[] = []
  const open = (client: KafkaClient, produceTimeoutMs = 30_000): Log => {
    const log = kafkaLog({
      client,
      brokers: [broker().url],
      clientId: `faults.${client}`,
      clock: () => Date.now(),
      sessionTimeoutMs: 3000,
      heartbeatMs: 300,
      produceTimeoutMs,
      watchdogMs: 1000,
      closeTimeoutMs: 2000,
    })
    logs.push(log)
    return log
  }
  const makeTopic = async (topic: string): Promise<string> => {
    const spec = { topic, partitions, replication: 1, minInSyncReplicas: 1, retentionHours: 1 }
    await createTopics({ brokers: [broker().url], clientId: 'faults' }, [spec])
    return topic
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'starling-faults-'))
    infrastructure = await startInfrastructure({ directory, kafka: { brokers: 1 } })
  })
  afterEach(async () => {
    await broker().start()
    await Promise.all(logs.splice(0).map((log) => log.close()))
  })
  after(async () => {
    await infrastructure?.stop()
    await rm(directory, { recursive: true, force: true })
  })

  for (const client of ['kafkajs', 'platformatic'] as const) {
    it(`${client}: away at start, it keeps trying and is not up; then everything works`, async () => {
      const topic = await makeTopic(`start.${client}`)
      await broker().kill('SIGKILL')
      const log = open(client, 180_000) // a broker takes long to start on a busy machine
      const seen = collect()
      const reader = await follow(log, topic, seen)
      const produced = log.produce(topic, 0, [Buffer.from('0')])
      await sleep(1500)
      assert.equal(log.health().isUp, false)
      assert.ok(log.health().pendingBytes > 0)
      await broker().start()
      await produced
      await waitFor('it is up and has read', () => log.health().isUp && seen.texts[0]?.length === 1)
      await reader.close()
    })

    for (const fault of ['SIGKILL', 'SIGSTOP'] as const) {
      it(`${client}: ${fault} for longer than produceTimeoutMs, produce rejects LOG_FAILED; then it works, and nothing lands late`, async () => {
        const topic = await makeTopic(`timeout.${client}.${fault}`)
        const log = open(client, 3000)
        await landed(log, topic, 'before')
        await broker().kill(fault)
        await assert.rejects(log.produce(topic, 0, [Buffer.from('lost')]), (error) => {
          return error instanceof LogError && error.code === 'LOG_FAILED'
        })
        const after = landed(log, topic, 'after')
        await broker().start()
        await after
        await waitFor('it is up', () => log.health().isUp)
        await landed(log, topic, 'last')
        const seen = collect()
        const reader = await follow(log, topic, seen)
        await waitFor('it has read', () => seen.texts[0]?.includes('last') === true)
        const texts = firstOnly(seen.texts[0] ?? [])
        const expected = ['before', 'lost', 'after', 'last'] // what was given up may have landed, but only in its place
        assert.deepEqual(
          texts,
          expected.filter((text) => text !== 'lost' || texts.includes(text)),
        )
        await reader.close()
      })
    }

    for (const fault of ['SIGKILL', 'SIGSTOP'] as const) {
      it(`${client}: ${fault} under load: what was acknowledged is handled, in order, and nothing crashes`, async () => {
        const topic = await makeTopic(`load.${client}.${fault}`)
        const log = open(client)
        const seen = collect()
        const reader = await follow(log, topic, seen)
        const acknowledged: string[][] = Array.from({ length: partitions }, () => [])
        let isOver = false
        const load = Array.from({ length: partitions }, async (_, partition) => {
          for (let i = 0; !isOver; i++) {
            await log.produce(topic, partition, [Buffer.from(`${i}`)])
            acknowledged[partition]?.push(`${i}`)
            await sleep(2)
          }
        })
        await waitFor('it reads', () => seen.texts.every((texts) => texts.length > 50))
        await broker().kill(fault)
        await sleep(5000)
        await waitFor('it is noticed', () => !log.health().isUp)
        const count = acknowledged.flat().length
        await broker().start()
        await waitFor('it goes on', () => acknowledged.flat().length > count + 200)
        isOver = true
        await Promise.all(load)
        await waitFor('all acknowledged were handled', () =>
          acknowledged.every((list, partition) => seen.texts[partition]?.includes(list.at(-1) ?? '')),
        )
        acknowledged.forEach((list, partition) => {
          assert.ok(isInOrder(firstOnly(seen.texts[partition] ?? []), list), `partition ${partition}`)
        })
        assert.equal(log.health().isUp, true)
        await reader.close()
      })
    }
  }
})

/** What a member handled, by partition. */
interface Seen {
  readonly texts: string[][]
}

function collect(): Seen {
  return { texts: Array.from({ length: partitions }, () => []) }
}

function follow(log: Log, topic: string, seen: Seen): Promise<LogReader> {
  return log.consume({
    group: `followers.${topic}`,
    topics: [topic],
    onAssigned: () => {},
    onRevoked: () => {},
    handle: async ({ partition, records }) => {
      for (const record of records) {
        const unpacked = unpackRecord(record.value)
        assert.ok(unpacked.ok)
        for (const bytes of unpacked.value) seen.texts[partition]?.push(Buffer.from(bytes).toString())
      }
      return ''
    },
  })
}

/** Produces until it is acknowledged, since on a busy machine a broker may take longer than a short limit. */
async function landed(log: Log, topic: string, text: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await log.produce(topic, 0, [Buffer.from(text)])
      return
    } catch (error) {
      if (tries === 20) throw error
    }
  }
}

/** Leaves each text where it came first: at least once is what the log promises. */
function firstOnly(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)]
}

/** Tells whether all of `list` stand in `texts` in that order. */
function isInOrder(texts: readonly string[], list: readonly string[]): boolean {
  let at = 0
  for (const text of texts) if (text === list[at]) at++
  return at === list.length
}

async function waitFor(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    if (holds()) return
    await sleep(50)
  }
  throw new Error(`waited in vain until ${what}`)
}
