import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log, LogReader } from '@starling/core'
import { startInfrastructure } from '@starling/testkit'
import { unpackRecord } from '@starling/wire'
import { createTopics, type KafkaClient, kafkaLog } from './kafka.ts'

/** One measured figure. */
interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

const partitions = 8
const ratePerSecond = 1000
/** Units: ms; a broker in its first minute answers ten to a hundred times slower, until its JIT is through. */
const warmUpMs = 15_000
const measuredMs = 8000
const envelopeBytes = 300

/**
 * Both client libraries on a broker of this machine: latency of two hops at 1,000 a second, and CPU to produce.
 * Source: facts measured beside the issue; these figures are this machine's at this moment, and nothing is asserted.
 */
export async function bench(): Promise<readonly Figure[]> {
  const directory = `.cache/bench-kafka-${randomUUID().slice(0, 8)}`
  const infrastructure = await startInfrastructure({ directory, kafka: { brokers: 1 } })
  const brokers = infrastructure.urls.kafka.split(',')
  const figures: Figure[] = []
  try {
    for (const client of ['platformatic', 'kafkajs'] as const) figures.push(...(await measure(client, brokers)))
  } finally {
    await infrastructure.stop()
  }
  return figures
}

async function measure(client: KafkaClient, brokers: readonly string[]): Promise<readonly Figure[]> {
  const run = randomUUID().slice(0, 8)
  const first = `bench.${run}.first`
  const second = `bench.${run}.second`
  const spec = { partitions, replication: 1, minInSyncReplicas: 1, retentionHours: 1 }
  await createTopics({ brokers, clientId: 'bench' }, [
    { ...spec, topic: first },
    { ...spec, topic: second },
  ])
  const open = (): Log => kafkaLog({ client, brokers, clientId: `bench.${client}`, clock: () => Date.now() })
  const logs = [open(), open()] as const
  const [sender, stage] = logs
  const latencies: number[] = []
  let isMeasured = false
  const readers = await Promise.all([
    follow(stage, first, async (partition, envelopes) => {
      await stage.produce(second, partition, envelopes)
    }),
    follow(stage, second, async (_, envelopes) => {
      const now = performance.now()
      if (isMeasured) for (const bytes of envelopes) latencies.push(now - Buffer.from(bytes).readDoubleBE(0))
    }),
  ])
  await twoHops(sender, first, warmUpMs)
  isMeasured = true
  const before = process.cpuUsage()
  const sent = await twoHops(sender, first, measuredMs)
  const cpu = process.cpuUsage(before)
  await sleep(500)
  const producing = await produceCpu(sender, second)
  await Promise.all(readers.map((reader) => reader.close()))
  await Promise.all(logs.map((log) => log.close()))
  latencies.sort((a, b) => a - b)
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? Number.NaN
  return [
    { name: `${client}: two hops at ${ratePerSecond}/s, p50`, value: at(0.5), unit: 'ms' },
    { name: `${client}: two hops at ${ratePerSecond}/s, p99`, value: at(0.99), unit: 'ms' },
    { name: `${client}: two hops, client CPU`, value: (cpu.user + cpu.system) / sent, unit: 's/1M' },
    { name: `${client}: produce in full batches, client CPU`, value: producing, unit: 's/1M' },
  ]
}

/** Sends at the rate for a while; returns how many. */
async function twoHops(log: Log, topic: string, ms: number): Promise<number> {
  const start = performance.now()
  let sent = 0
  while (performance.now() - start < ms) {
    const due = Math.floor(((performance.now() - start) * ratePerSecond) / 1000)
    for (; sent < due; sent++) void log.produce(topic, sent % partitions, [stamped()])
    await sleep(1)
  }
  return sent
}

/** CPU of this process for envelopes that wait in the lane, so that records are full. Units: s/1M, the consumer's part included. */
async function produceCpu(log: Log, topic: string): Promise<number> {
  const before = process.cpuUsage()
  let sent = 0
  for (let round = 0; round < 40; round++) {
    const calls = Array.from({ length: 4000 }, (_, i) => log.produce(topic, i % partitions, [stamped()]))
    sent += calls.length
    await Promise.all(calls)
  }
  const cpu = process.cpuUsage(before)
  return (cpu.user + cpu.system) / sent
}

function stamped(): Buffer {
  const bytes = Buffer.alloc(envelopeBytes, 'x')
  bytes.writeDoubleBE(performance.now(), 0)
  return bytes
}

function follow(
  log: Log,
  topic: string,
  handle: (partition: number, envelopes: readonly Uint8Array[]) => Promise<void>,
): Promise<LogReader> {
  return log.consume({
    group: `bench.${topic}`,
    topics: [topic],
    onAssigned: () => {},
    onRevoked: () => {},
    handle: async ({ partition, records }) => {
      const envelopes = records.flatMap(({ value }) => {
        const unpacked = unpackRecord(value)
        return unpacked.ok ? unpacked.value : []
      })
      await handle(partition, envelopes)
      return ''
    },
  })
}
