import { setTimeout as sleep } from 'node:timers/promises'
import { LogError } from '@starling/core'
import kafkajs, { type Admin } from 'kafkajs'
import { mendKafkajs } from './kafkajs-mend.ts'
import { type KafkaSecurity, kafkajsSecurity } from './security.ts'

/** One topic as the deploy step wants it. */
export interface TopicSpec {
  readonly topic: string
  readonly partitions: number
  readonly replication: number
  /** Replicas that must hold a record before it is acknowledged. */
  readonly minInSyncReplicas: number
  /** Units: hours a record is kept. */
  readonly retentionHours: number
}

/** Where topics are made. */
export interface CreateTopicsOptions {
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly security?: KafkaSecurity
  /** Units: ms to wait for brokers and leaders. */
  readonly timeoutMs?: number
}

/**
 * Makes the topics that are missing; the only place that does (R7), run by a deploy step and never by a service.
 * Safe to repeat and to run twice at once. Resolves with the names of those it made.
 * Errors: rejects LOG_FAILED when a topic exists with another partition count (R9: that is a migration), or the brokers are away.
 */
export async function createTopics(
  options: CreateTopicsOptions,
  table: readonly TopicSpec[],
): Promise<readonly string[]> {
  mendKafkajs()
  const timeoutMs = options.timeoutMs ?? 30_000
  const admin = new kafkajs.Kafka({
    clientId: options.clientId,
    brokers: [...options.brokers],
    ...kafkajsSecurity(options.security ?? {}),
    connectionTimeout: 3000,
    requestTimeout: timeoutMs,
    retry: { retries: 5, initialRetryTime: 200, maxRetryTime: 3000 },
    logLevel: kafkajs.logLevel.NOTHING,
  }).admin()
  try {
    await admin.connect()
    const before = await counts(admin, table)
    check(
      table.filter(({ topic }) => before.has(topic)),
      before,
    )
    const missing = table.filter(({ topic }) => !before.has(topic))
    if (missing.length > 0) {
      await admin.createTopics({
        timeout: timeoutMs,
        waitForLeaders: false, // kafkajs stumbles over a topic that has not reached its broker yet: waited for below
        topics: missing.map(({ topic, partitions, replication, minInSyncReplicas, retentionHours }) => ({
          topic,
          numPartitions: partitions,
          replicationFactor: replication,
          configEntries: [
            { name: 'min.insync.replicas', value: String(minInSyncReplicas) },
            { name: 'retention.ms', value: String(retentionHours * 3_600_000) },
          ],
        })),
      })
    }
    for (const deadline = performance.now() + timeoutMs; performance.now() < deadline; await sleep(100)) {
      const found = await counts(admin, table).catch(() => new Map())
      if (found.size === table.length) break
    }
    check(table, await counts(admin, table))
    return missing.map(({ topic }) => topic)
  } catch (error) {
    if (error instanceof LogError) throw error
    throw new LogError('LOG_FAILED', `topics could not be made at ${options.brokers.join(', ')}`, error)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}

/** Partition counts of those that exist and have leaders. */
async function counts(admin: Admin, table: readonly TopicSpec[]): Promise<ReadonlyMap<string, number>> {
  const existing = new Set(await admin.listTopics())
  const topics = table.map(({ topic }) => topic).filter((topic) => existing.has(topic))
  if (topics.length === 0) return new Map()
  const found = await admin.fetchTopicMetadata({ topics })
  const ready = found.topics.filter(({ partitions }) => partitions.every(({ leader }) => leader >= 0))
  return new Map(ready.map(({ name, partitions }) => [name, partitions.length]))
}

function check(table: readonly TopicSpec[], found: ReadonlyMap<string, number>): void {
  const faults = table.flatMap(({ topic, partitions }) => {
    const count = found.get(topic)
    return count === partitions ? [] : [`${topic} has ${count ?? 'no'} partitions instead of ${partitions}`]
  })
  if (faults.length === 0) return
  throw new LogError(
    'LOG_FAILED',
    `${faults.join('; ')}: a partition count never changes in place, make a new topic version`,
  )
}
