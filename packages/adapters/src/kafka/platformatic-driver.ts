import { Admin } from '@platformatic/kafka'
import type { Committed } from '@starling/core'
import type { Bounds, DriverSettings, KafkaDriver } from './driver.ts'
import { fetcher } from './platformatic-fetch.ts'
import { platformaticGroup } from './platformatic-group.ts'
import { platformaticOptions } from './platformatic-options.ts'
import { platformaticProducer } from './platformatic-producer.ts'

/** Timestamps that ask for bounds instead of times (ListOffsets). */
const asked = { earliest: -2n, latest: -1n } as const

/** The Kafka driver over @platformatic/kafka. */
export function platformaticDriver(settings: DriverSettings): KafkaDriver {
  const common = platformaticOptions(settings)
  const admin = new Admin({ ...common, retries: 0 })
  const producer = platformaticProducer(settings)

  async function partitions(topic: string): Promise<number | undefined> {
    const topics = await admin.listTopics()
    if (!topics.includes(topic)) return undefined
    const metadata = await admin.metadata({ topics: [topic], forceUpdate: true })
    return metadata.topics.get(topic)?.partitionsCount
  }

  async function bounds(topic: string): Promise<ReadonlyMap<number, Bounds>> {
    const count = (await admin.metadata({ topics: [topic] })).topics.get(topic)?.partitionsCount ?? 0
    const list = async (timestamp: bigint): Promise<ReadonlyMap<number, number>> => {
      const partitions = Array.from({ length: count }, (_, partitionIndex) => ({ partitionIndex, timestamp }))
      const [found] = await admin.listOffsets({ topics: [{ name: topic, partitions }] })
      return new Map(found?.partitions.map(({ partitionIndex, offset }) => [partitionIndex, Number(offset)]))
    }
    try {
      const [starts, ends] = await Promise.all([list(asked.earliest), list(asked.latest)])
      return new Map([...ends].map(([partition, end]) => [partition, { start: starts.get(partition) ?? 0, end }]))
    } catch (error) {
      admin.clearMetadata() // the leader may have moved
      throw error
    }
  }

  async function committed(group: string, topic: string): Promise<ReadonlyMap<number, Committed>> {
    const count = (await admin.metadata({ topics: [topic] })).topics.get(topic)?.partitionsCount ?? 0
    const partitionIndexes = Array.from({ length: count }, (_, partition) => partition)
    const [found] = await admin.listConsumerGroupOffsets({
      groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes }] }],
    })
    const answer = new Map<number, Committed>()
    for (const { partitionIndex, committedOffset, metadata } of found?.topics[0]?.partitions ?? []) {
      if (committedOffset >= 0n)
        answer.set(partitionIndex, { offset: Number(committedOffset), metadata: metadata ?? '' })
    }
    return answer
  }

  return {
    append: producer.append,
    partitions,
    bounds,
    committed,
    openGroup: (group, sink) => platformaticGroup({ settings, group, bounds }, sink),
    openPartition: (at, from, sink) => {
      const fetching = fetcher({ settings, topics: [at.topic], sink, bounds })
      fetching.start(at, from)
      return {
        begin: () => {},
        commit: async () => {},
        pause: fetching.pause,
        resume: fetching.resume,
        close: fetching.close,
      }
    },
    ping: async () => {
      await admin.metadata({ topics: [], forceUpdate: true })
    },
    close: async () => {
      await Promise.all([producer.close(), admin.close().catch(() => {})])
    },
  }
}
