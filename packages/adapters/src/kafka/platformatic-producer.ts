import {
  type API,
  Base,
  type Connection,
  type initProducerIdV5,
  kGetApi,
  NumericMap,
  ProtocolError,
  type produceV11,
  ResponseError,
} from '@platformatic/kafka'
import { LogError } from '@starling/core'
import type { LaneOutcome, LaneRecord } from '../log/lane.ts'
import type { DriverSettings, KafkaDriver } from './driver.ts'
import { platformaticOptions } from './platformatic-options.ts'

/** Appends records to their partitions. Order: one append at a time, as the lane does. */
export interface PlatformaticProducer {
  readonly append: KafkaDriver['append']
  readonly close: () => Promise<void>
}

/** Under what name, and with which numbers, the brokers know what comes from here. */
interface Session {
  readonly client: Base
  identity: { readonly id: bigint; readonly epoch: number } | undefined
  /** Number that the next record of a partition goes with; it moves on when the record has landed. */
  readonly sequences: NumericMap
}

/** One append on its way. */
interface Batch {
  readonly records: readonly LaneRecord[]
  readonly timestamp: bigint
  /** What is known already; the rest is sent again. */
  readonly outcomes: Map<LaneRecord, LaneOutcome>
  isOver: boolean
  lastError: unknown
}

/** Epoch after which another identity is asked for; the protocol counts them in 16 bits. */
const lastEpoch = 32_000

/** Answers that mean: the broker has lost count of us. */
const lostCount = ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH']

/**
 * Makes an idempotent producer over the library's connections. Not the library's own: that divides records among the leaders once,
 * and tries again by sending all of a dead leader's partitions to the new leader of the first, for ever refused where they parted.
 * Order: a record keeps its number as long as it is tried, so the broker knows it if it landed; the first record after one that
 * was given up comes under a higher epoch, after which the broker refuses what may still be on its way from before.
 */
export function platformaticProducer(settings: DriverSettings): PlatformaticProducer {
  let session: Session | undefined

  function open(identity?: Session['identity']): Session {
    // tries another broker for metadata when one hangs
    const client = new Base({ ...platformaticOptions(settings), retries: settings.brokers.length })
    return { client, identity, sequences: new NumericMap() }
  }

  async function append(records: readonly LaneRecord[], timestampMs: number): Promise<readonly LaneOutcome[]> {
    session ??= open()
    const mine = session
    const batch = { records, timestamp: BigInt(timestampMs), outcomes: new Map(), isOver: false, lastError: undefined }
    await withTimer(settings.produceTimeoutMs, (timeout) => Promise.race([sendAll(mine, batch), timeout]))
    batch.isOver = true
    const outcomes = outcomesOf(batch)
    if (outcomes.some(({ ok }) => !ok)) {
      session = open(nextEpoch(mine.identity))
      void mine.client.close().catch(() => {})
    }
    if (batch.outcomes.size === 0) throw new Error('the brokers stayed away', { cause: batch.lastError })
    return outcomes
  }

  /** Tries until every record has its outcome, or until the batch is given up. */
  async function sendAll(mine: Session, batch: Batch): Promise<void> {
    for (let tries = 0, pauseMs = 50; !batch.isOver; tries++, pauseMs = Math.min(500, pauseMs * 2)) {
      try {
        await sendMissing(mine, batch, tries)
      } catch (error) {
        batch.lastError = error
      }
      if (batch.outcomes.size === batch.records.length) return
      mine.client.clearMetadata() // leaders may have moved
      await withTimer(pauseMs, (pause) => pause)
    }
  }

  /** Sends what has no outcome yet, each record to the leader that its partition has now. */
  async function sendMissing(mine: Session, batch: Batch, tries: number): Promise<void> {
    const { client } = mine
    const missing = batch.records.filter((record) => !batch.outcomes.has(record))
    const { topics, brokers } = await client.metadata({ topics: [...new Set(missing.map(({ topic }) => topic))] })
    mine.identity ??= await introduce(client, [...brokers.values()], tries)
    const byLeader = Map.groupBy(missing, ({ topic, partition }) => topics.get(topic)?.partitions[partition]?.leader)
    let isCountLost = false
    const answers = await Promise.allSettled(
      [...byLeader].map(async ([leader, records]) => {
        const broker = leader === undefined ? undefined : brokers.get(leader)
        if (broker === undefined) throw new Error('a partition has no leader')
        const connection = await client.connections.get(broker)
        if (batch.isOver) return
        const errors = settle(mine, batch, await produce(mine, connection, messagesOf(batch, records)))
        isCountLost ||= errors.some((error) => lostCount.includes(error['apiId']))
      }),
    )
    for (const answer of answers) if (answer.status === 'rejected') batch.lastError = answer.reason
    if (!isCountLost) return
    mine.identity = nextEpoch(mine.identity)
    mine.sequences.clear()
  }

  /** One request to one broker. Errors: rejects when there was no answer; refusals are in the answer. */
  async function produce(
    { client, identity, sequences }: Session,
    connection: Connection,
    messages: produceV11.ProduceRequest[2],
  ): Promise<produceV11.ProduceResponse> {
    const api = await apiOf<produceV11.ProduceRequest, produceV11.ProduceResponse>(client, 'Produce')
    const numbered = { producerId: identity?.id ?? -1n, producerEpoch: identity?.epoch ?? -1, sequences }
    try {
      return await api.async(connection, -1, settings.requestTimeoutMs, messages, numbered)
    } catch (error) {
      if (error instanceof ResponseError) return error['response']
      throw error
    }
  }

  return {
    append,
    close: async () => {
      const last = session
      session = undefined
      await last?.client.close().catch(() => {})
    },
  }
}

/** Notes what a broker said of each partition, and returns its errors; what may yet succeed stays without outcome. */
function settle(
  { sequences }: Session,
  batch: Batch,
  { responses }: produceV11.ProduceResponse,
): readonly ProtocolError[] {
  const errors: ProtocolError[] = []
  const records = new Map(batch.records.map((record) => [placeOf(record), record]))
  for (const { name: topic, partitionResponses } of responses) {
    for (const { index: partition, errorCode, errorMessage, baseOffset } of partitionResponses) {
      const place = placeOf({ topic, partition })
      const record = records.get(place)
      if (record === undefined) continue
      if (errorCode === 0) {
        batch.outcomes.set(record, { ok: true, offset: Number(baseOffset) })
        sequences.set(place, (sequences.getWithDefault(place, 0) + 1) & 0x7fff_ffff)
        continue
      }
      const error = new ProtocolError(errorCode, errorMessage)
      errors.push(error)
      if (error['canRetry'] === true || lostCount.includes(error['apiId'])) continue
      const refusal = new LogError('LOG_FAILED', `partition ${partition} of topic ${topic} refused`, error)
      batch.outcomes.set(record, { ok: false, error: refusal })
    }
  }
  batch.lastError = errors.at(-1) ?? batch.lastError
  return errors
}

/** The epoch under which numbers start anew (KIP-360): no broker takes anything of an older one after it. */
function nextEpoch(identity: Session['identity']): Session['identity'] {
  return identity !== undefined && identity.epoch < lastEpoch ? { ...identity, epoch: identity.epoch + 1 } : undefined
}

/** Asks for an identity, each time another broker first. */
async function introduce(
  client: Base,
  brokers: Parameters<Base['connections']['getFirstAvailable']>[0],
  tries: number,
): Promise<NonNullable<Session['identity']>> {
  const first = tries % Math.max(1, brokers.length)
  const connection = await client.connections.getFirstAvailable([...brokers.slice(first), ...brokers.slice(0, first)])
  const api = await apiOf<initProducerIdV5.InitProducerIdRequest, initProducerIdV5.InitProducerIdResponse>(
    client,
    'InitProducerId',
  )
  const { producerId, producerEpoch } = await api.async(connection, null, 0, -1n, -1)
  return { id: producerId, epoch: producerEpoch }
}

/** The newest version of a request that both sides know. */
function apiOf<Request extends unknown[], Response>(client: Base, name: string): Promise<API<Request, Response>> {
  return new Promise((resolve, reject) => {
    client[kGetApi]<Request, Response>(name, (error, api) => (api === undefined ? reject(error) : resolve(api)))
  })
}

function outcomesOf({ records, outcomes, lastError }: Batch): readonly LaneOutcome[] {
  return records.map((record) => {
    const message = `no answer for partition ${record.partition} of topic ${record.topic}`
    return outcomes.get(record) ?? { ok: false, error: new LogError('LOG_FAILED', message, lastError) }
  })
}

function messagesOf({ timestamp }: Batch, records: readonly LaneRecord[]): produceV11.ProduceRequest[2] {
  return records.map(({ topic, partition, value }) => ({ topic, partition, value: asBuffer(value), timestamp }))
}

/** As the library names a partition in `sequences`. */
function placeOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}:${partition}`
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Runs something beside a timer, and ends the timer with it. */
async function withTimer(ms: number, run: (elapsed: Promise<void>) => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const elapsed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  try {
    await run(elapsed)
  } finally {
    clearTimeout(timer)
  }
}
