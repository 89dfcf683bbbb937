import { Base, Consumer, type GroupPartitionsAssignments, offsetCommitV8 } from '@platformatic/kafka'
import { within } from '../log/within.ts'
import { assign, assignerName, readHeld, writeHeld } from './assign.ts'
import { type Bounds, type DriverSettings, type Feed, type FeedSink, type GroupFeed, keyOf } from './driver.ts'
import { fetcher } from './platformatic-fetch.ts'
import { platformaticOptions } from './platformatic-options.ts'

/** What makes one member. */
export interface PlatformaticGroupOptions {
  readonly settings: DriverSettings
  readonly group: GroupFeed
  readonly bounds: (topic: string) => Promise<ReadonlyMap<number, Bounds>>
}

/** Opens a member of a group: the library joins and sends signs of life, the fetcher reads. */
export function platformaticGroup(options: PlatformaticGroupOptions, sink: FeedSink): Feed {
  const { settings, group } = options
  const consumer = new Consumer({
    ...platformaticOptions(settings),
    groupId: group.group,
    autocommit: false,
    sessionTimeout: settings.sessionTimeoutMs,
    rebalanceTimeout: Math.max(settings.sessionTimeoutMs, 10_000),
    heartbeatInterval: settings.heartbeatMs,
    retries: 5,
    protocols: [{ name: assignerName, version: 0 }],
    protocolsMetadata: () => writeHeld(group.held()),
  })
  const topics = [...group.topics]
  consumer.topics.trackAll(...topics)
  const fetching = fetcher({ settings, topics, sink, bounds: options.bounds })
  const reading = new Map<string, { readonly topic: string; readonly partition: number }>()
  /** The generation whose partitions the sink knows. */
  let membership: { readonly memberId: string; readonly generation: number } | undefined
  let isOver = false

  function lose(error: unknown): void {
    if (isOver) return
    isOver = true
    sink.lost(error)
  }

  consumer.on('consumer:group:join', ({ memberId, generationId, assignments }) => {
    if (isOver) return
    const isNew = membership?.memberId !== memberId
    membership = { memberId, generation: generationId ?? -1 }
    const partitions = (assignments ?? []).flatMap(({ topic, partitions: list }) =>
      list.map((partition) => ({ topic, partition })),
    )
    const keys = new Set(partitions.map(keyOf))
    for (const [key, at] of reading) {
      // As a new member all begin anew, from what was committed. What the old member's position brought until then would stand
      // before that as if nothing had been between.
      if (keys.has(key) && !isNew) continue
      reading.delete(key)
      fetching.stop(at)
    }
    sink.assigned(memberId, partitions)
  })
  // a failed attempt to join again is told here only, and nothing joins after it
  ;(consumer as unknown as NodeJS.EventEmitter).on('error', lose)
  consumer.on('consumer:heartbeat:stalled', ({ lastError }) => lose(lastError ?? new Error('signs of life stopped')))

  consumer
    .joinGroup({
      partitionAssigner: (_me, members, _topics, metadata): GroupPartitionsAssignments[] => {
        const wishes = [...members.values()].map(({ memberId, topics: read, metadata: userData }) => {
          return { memberId, topics: read ?? [], held: readHeld(userData) }
        })
        const given = assign(wishes, (topic) => metadata.topics.get(topic)?.partitionsCount ?? 0)
        return [...given].map(([memberId, shares]) => ({
          memberId,
          assignments: new Map([...shares].map(([topic, list]) => [topic, { topic, partitions: [...list] }])),
        }))
      },
    })
    .catch(lose)

  return {
    begin: (at, offset) => {
      if (isOver) return
      reading.set(keyOf(at), at)
      fetching.start(at, offset)
    },
    // Not Consumer.commit: it sends no metadata, and after a rebalance it joins again and commits under the new generation.
    commit: async (commits) => {
      if (membership === undefined || isOver) throw new Error('the member is not in its group')
      const { memberId, generation } = membership
      const coordinator = await consumer.findGroupCoordinator()
      const broker = (await consumer.metadata({ topics })).brokers.get(coordinator)
      if (broker === undefined) throw new Error(`the group's coordinator ${coordinator} is not known`)
      const connection = await consumer.connections.get(broker)
      const byTopic = Map.groupBy(commits, ({ topic }) => topic)
      await offsetCommitV8.api.async(
        connection,
        group.group,
        generation,
        memberId,
        null,
        [...byTopic].map(([name, list]) => ({
          name,
          partitions: list.map(({ partition, offset, metadata }) => ({
            partitionIndex: partition,
            committedOffset: BigInt(offset),
            committedLeaderEpoch: -1,
            committedMetadata: metadata,
          })),
        })),
      )
    },
    pause: fetching.pause,
    resume: fetching.resume,
    close: async () => {
      isOver = true
      await Promise.all([fetching.close(), closeForGood(consumer, settings)])
    },
  }
}

/**
 * Closes a member also where it cannot leave its group: with the broker away the library's own close gives up, and the member
 * would live on, join again and hold partitions that nobody works on.
 */
async function closeForGood(consumer: Consumer, settings: DriverSettings): Promise<void> {
  let hasLeft = false
  try {
    const leaving = consumer.close(true).then(() => {
      hasLeft = true
    })
    await within(leaving, settings.requestTimeoutMs)
  } catch (error) {
    settings.onEvent('log.client.disconnect', { error })
  }
  if (!hasLeft) await Base.prototype.close.call(consumer).catch(() => undefined) // its connections are broken, or say nothing
}
