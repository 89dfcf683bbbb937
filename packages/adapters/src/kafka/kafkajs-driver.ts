import { randomUUID } from 'node:crypto'
import { type Committed, LogError } from '@starling/core'
import kafkajs, { type Admin, type Producer, type TopicMessages } from 'kafkajs'
import type { LaneOutcome, LaneRecord } from '../log/lane.ts'
import type { Bounds, DriverSettings, KafkaDriver } from './driver.ts'
import { soloAssigner, stickyAssigner } from './kafkajs-assigners.ts'
import { kafkajsFeed } from './kafkajs-feed.ts'
import { mendKafkajs } from './kafkajs-mend.ts'
import { kafkajsSecurity } from './security.ts'

/** What the names of groups begin with that kafkajs needs for readers of one partition: a broker with ACLs has to let them be. */
export const readerGroups = 'starling-reader.'

/** The Kafka driver over kafkajs 2.2.4. */
export function kafkajsDriver(settings: DriverSettings): KafkaDriver {
  mendKafkajs()
  const kafka = new kafkajs.Kafka({
    clientId: settings.clientId,
    brokers: [...settings.brokers],
    ...kafkajsSecurity(settings.security),
    connectionTimeout: 3000,
    requestTimeout: settings.requestTimeoutMs,
    // what must be tried longer is tried by us, with a limit in time
    retry: { retries: 2, initialRetryTime: 50, maxRetryTime: 500 },
    logLevel: kafkajs.logLevel.NOTHING, // ten lines a second while a broker is away; our events tell the same once
  })
  let producer: Promise<Producer> | undefined
  let admin: Promise<Admin> | undefined
  let isClosed = false

  function openProducer(): Promise<Producer> {
    const fresh = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: () => (args) => args.message.partition ?? 0,
      retry: { retries: 1, initialRetryTime: 50, maxRetryTime: 500 },
    })
    return fresh.connect().then(
      () => fresh,
      async (error: unknown) => {
        await quietly(fresh.disconnect())
        throw error
      },
    )
  }

  async function append(records: readonly LaneRecord[], timestampMs: number): Promise<readonly LaneOutcome[]> {
    const offsets = new Map<string, string | undefined>()
    let missing = records
    const deadline = performance.now() + settings.produceTimeoutMs
    for (let pauseMs = 50; ; pauseMs = Math.min(1000, pauseMs * 2)) {
      try {
        producer ??= openProducer()
        const sending = await producer
        const answers = await sending.sendBatch({ acks: -1, topicMessages: topicMessages(missing, timestampMs) })
        for (const { topicName, partition, baseOffset } of answers) offsets.set(`${topicName}/${partition}`, baseOffset)
        // A partition that moved to a broker which had answered already is neither sent nor answered for. What an earlier request
        // carried of it may have landed, so these very records go again, by the same producer (tulios/kafkajs sendMessages.js).
        missing = records.filter((record) => offsets.get(placeOf(record)) === undefined)
        if (missing.length === 0) return outcomesOf(records, offsets)
        if (performance.now() + pauseMs > deadline) {
          renewProducer()
          return outcomesOf(records, offsets)
        }
      } catch (error) {
        const isCountLost = hasLostCount(error)
        const isLast = performance.now() + pauseMs > deadline || (isFinal(error) && !isCountLost)
        // Tried again by the same producer, a batch keeps its sequence number, and the broker knows it if it landed. Given up, the
        // number would go to the next batch, which the broker would then drop as known: so the producer goes as well.
        // So it does when the counts part: kafkajs tries again while another broker's answer is out, and counts that one as landed.
        if (isLast || isCountLost || (await producer?.catch(() => undefined)) === undefined) renewProducer()
        if (isLast) throw error
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }

  function renewProducer(): void {
    const old = producer
    producer = undefined
    void old?.then((one) => quietly(one.disconnect()), ignore)
  }

  /** Asks the cluster; a failed admin is not used again, because a topic it once missed spoils it (tulios/kafkajs #1622). */
  async function withAdmin<Answer>(question: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    if (isClosed) throw new LogError('LOG_CLOSED', 'the log is closed')
    admin ??= openAdmin()
    const mine = admin
    try {
      const answer = await question(await mine)
      // a question that was on its way while the driver closed has connected again by itself
      if (isClosed) void mine.then((one) => quietly(one.disconnect()), ignore)
      return answer
    } catch (error) {
      if (admin === mine) admin = undefined
      void mine.then((one) => quietly(one.disconnect()), ignore)
      throw error
    }
  }

  async function openAdmin(): Promise<Admin> {
    const fresh = kafka.admin()
    try {
      await fresh.connect()
    } catch (error) {
      await quietly(fresh.disconnect())
      throw error
    }
    return fresh
  }

  async function partitions(topic: string): Promise<number | undefined> {
    return withAdmin(async (asked) => {
      const topics = await asked.listTopics()
      if (!topics.includes(topic)) return undefined
      const { topics: found } = await asked.fetchTopicMetadata({ topics: [topic] })
      return found[0]?.partitions.length
    })
  }

  async function bounds(topic: string): Promise<ReadonlyMap<number, Bounds>> {
    const offsets = await withAdmin((asked) => asked.fetchTopicOffsets(topic))
    return new Map(offsets.map(({ partition, low, high }) => [partition, { start: Number(low), end: Number(high) }]))
  }

  async function committed(group: string, topic: string): Promise<ReadonlyMap<number, Committed>> {
    const [found] = await withAdmin((asked) => asked.fetchOffsets({ groupId: group, topics: [topic] }))
    const answer = new Map<number, Committed>()
    for (const { partition, offset, metadata } of found?.partitions ?? []) {
      if (Number(offset) >= 0) answer.set(partition, { offset: Number(offset), metadata: metadata ?? '' })
    }
    return answer
  }

  return {
    append,
    partitions,
    bounds,
    committed,
    openGroup: ({ group, topics, held }, sink) =>
      kafkajsFeed({ kafka, settings, group, topics, assigner: stickyAssigner(held) }, sink),
    openPartition: (at, from, sink) => {
      const { topic, partition } = at
      const group = `${readerGroups}${settings.clientId}.${topic}.${partition}.${randomUUID()}`
      const seek = { topic, partition, offset: from }
      return kafkajsFeed({ kafka, settings, group, topics: [topic], assigner: soloAssigner(at), seek }, sink)
    },
    ping: async () => {
      await withAdmin((asked) => asked.listTopics())
    },
    close: async () => {
      isClosed = true
      const [lastProducer, lastAdmin] = [producer, admin]
      producer = undefined
      admin = undefined
      await Promise.all([
        lastProducer?.then((one) => quietly(one.disconnect()), ignore),
        lastAdmin?.then((one) => quietly(one.disconnect()), ignore),
      ])
    },
  }
}

/** What kafkajs is given to send: per topic, each record to its partition. */
function topicMessages(records: readonly LaneRecord[], timestampMs: number): TopicMessages[] {
  const timestamp = String(timestampMs)
  return [...Map.groupBy(records, ({ topic }) => topic)].map(([topic, list]) => ({
    topic,
    messages: list.map(({ partition, value }) => ({ key: null, value: asBuffer(value), partition, timestamp })),
  }))
}

function placeOf({ topic, partition }: LaneRecord): string {
  return `${topic}/${partition}`
}

/** Pairs records with kafkajs's answers. A partition that it never answered for counts as failed. */
function outcomesOf(
  records: readonly LaneRecord[],
  offsets: ReadonlyMap<string, string | undefined>,
): readonly LaneOutcome[] {
  return records.map((record) => {
    const offset = offsets.get(placeOf(record))
    if (offset !== undefined) return { ok: true, offset: Number(offset) }
    const message = `no answer for partition ${record.partition} of topic ${record.topic}`
    return { ok: false, error: new LogError('LOG_FAILED', message) }
  })
}

/** Tells whether trying again is pointless. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof kafkajs.KafkaJSError)) return true
  const cause = error instanceof kafkajs.KafkaJSNumberOfRetriesExceeded ? error.cause : error
  const original = cause instanceof Error && cause.cause instanceof kafkajs.KafkaJSError ? cause.cause : cause
  return original instanceof kafkajs.KafkaJSError && !original.retriable
}

/** Tells whether the broker expected another sequence number: under a new producer the same records may go again. */
function hasLostCount(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const isLost = 'type' in error && ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID'].includes(String(error.type))
  return isLost || hasLostCount(error.cause)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function ignore(): void {}

async function quietly(promise: Promise<void>): Promise<void> {
  await promise.catch(ignore)
}
