import { LogError } from '@starling/core'
import kafkajs from 'kafkajs'
import { kafkajsSecurity } from './security.ts'
import type { CreateTopicsOptions } from './topics.ts'

/** What goes back, and to when. */
export interface Rewind {
  readonly group: string
  readonly topics: readonly string[]
  /** Units: ms since 1970. */
  readonly toMs: number
}

/** Where a partition of a group is read from next. */
export interface Rewound {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/**
 * Sets a group's place back to the first records of a time, so that its next owners work on them again. What its offsets carried beside
 * the place (R3) is forgotten with them: for a group whose work may be repeated only.
 * Errors: rejects LOG_FAILED while the group has members, or the brokers are away.
 */
export async function rewindGroup(options: CreateTopicsOptions, rewind: Rewind): Promise<readonly Rewound[]> {
  const { group, topics, toMs } = rewind
  const admin = new kafkajs.Kafka({
    clientId: options.clientId,
    brokers: [...options.brokers],
    ...kafkajsSecurity(options.security ?? {}),
    connectionTimeout: 3000,
    requestTimeout: options.timeoutMs ?? 30_000,
    logLevel: kafkajs.logLevel.NOTHING,
  }).admin()
  try {
    await admin.connect()
    const rewound: Rewound[] = []
    for (const topic of topics) {
      const partitions = await admin.fetchTopicOffsetsByTimestamp(topic, toMs)
      await admin.setOffsets({ groupId: group, topic, partitions })
      rewound.push(...partitions.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) })))
    }
    return rewound
  } catch (error) {
    throw new LogError('LOG_FAILED', `${group} could not be set back at ${options.brokers.join(', ')}`, error)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}
