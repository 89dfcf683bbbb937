import { randomUUID } from 'node:crypto'
import type { Log } from '@starling/core'
import { contractPartitions, type LogHarness } from '@starling/testkit'
import { createTopics, type KafkaClient, kafkaLog } from './kafka.ts'

/** Addresses of the brokers that the cluster leg of the tests runs on. Errors: throws, with what to do, when there are none. */
export function testBrokers(): readonly string[] {
  const brokers = process.env['STARLING_TEST_KAFKA']
  if (brokers === undefined || brokers === '') {
    throw new Error('STARLING_TEST_KAFKA is not set: run `npm test -- --only cluster`, which starts Kafka and sets it')
  }
  return brokers.split(',')
}

/** The contract's harness over one client library and the real brokers. */
export async function kafkaHarness(client: KafkaClient): Promise<LogHarness> {
  const brokers = testBrokers()
  const run = randomUUID().slice(0, 8)
  const names = Array.from({ length: 40 }, (_, i) => `contract.${client}.${run}.${i}`)
  await createTopics(
    { brokers, clientId: 'contract' },
    names.map((topic) => ({
      topic,
      partitions: contractPartitions,
      replication: 1,
      minInSyncReplicas: 1,
      retentionHours: 1,
    })),
  )
  const now = Date.now()
  const logs: Log[] = []
  return {
    open: async (overrides = {}) => {
      const log = kafkaLog({
        client,
        brokers,
        clientId: `contract.${client}`,
        clock: () => now,
        sessionTimeoutMs: 3000,
        heartbeatMs: 300,
        retryMs: 20,
        // as a cluster does it: what is promised holds for requests that wait for company too
        gatherMs: 8,
        fetchGatherMs: 2,
        ...overrides,
      })
      logs.push(log)
      return log
    },
    topic: async () => {
      const topic = names.pop()
      if (topic === undefined) throw new Error('more topics were asked for than were made')
      return topic
    },
    runs: 5,
    now,
    close: async () => {
      await Promise.all(logs.map((log) => log.close()))
    },
  }
}
