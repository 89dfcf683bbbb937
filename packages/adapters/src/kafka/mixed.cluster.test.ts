import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log, LogReader } from '@starling/core'
import type { LogHarness } from '@starling/testkit'
import { createTopics, kafkaLog } from './kafka.ts'
import { kafkaHarness, testBrokers } from './kafka-harness.ts'

describe('both Kafka clients in one group', { timeout: 120_000 }, () => {
  let harness: LogHarness | undefined
  const logs: Log[] = []
  before(async () => {
    harness = await kafkaHarness('kafkajs')
  })
  after(async () => {
    await Promise.all(logs.map((log) => log.close()))
    await harness?.close()
  })

  it('they share the partitions, so a deployment may change its client member by member', async () => {
    const topic = (await harness?.topic()) ?? ''
    const join = async (client: 'kafkajs' | 'platformatic'): Promise<{ held: Set<number>; reader: LogReader }> => {
      const log = kafkaLog({
        client,
        brokers: testBrokers(),
        clientId: client,
        clock: () => Date.now(),
        heartbeatMs: 300,
      })
      logs.push(log)
      const held = new Set<number>()
      const reader = await log.consume({
        group: 'mixed',
        topics: [topic],
        onAssigned: (_, partition) => void held.add(partition),
        onRevoked: (_, partition) => void held.delete(partition),
        handle: async () => '',
      })
      return { held, reader }
    }
    const old = await join('kafkajs')
    await waitFor(() => old.held.size === 8)
    const fresh = await join('platformatic')
    await waitFor(() => old.held.size === 4 && fresh.held.size === 4)
    assert.equal(new Set([...old.held, ...fresh.held]).size, 8)
    await old.reader.close()
    await waitFor(() => fresh.held.size === 8)
    await fresh.reader.close()
  })
})

describe('createTopics', () => {
  it('R7 R9 makes what is missing, is safe to repeat, and refuses another partition count', async () => {
    const options = { brokers: testBrokers(), clientId: 'deploy' }
    const spec = { partitions: 2, replication: 1, minInSyncReplicas: 1, retentionHours: 1 }
    const names = ['one', 'two'].map((name) => `deploy.${name}.${process.pid}.${Date.now()}`)
    const [first = '', second = ''] = names
    assert.deepEqual(await createTopics(options, [{ ...spec, topic: first }]), [first])
    const table = names.map((topic) => ({ ...spec, topic }))
    assert.deepEqual(await createTopics(options, table), [second])
    assert.deepEqual(await createTopics(options, table), [])
    await assert.rejects(
      createTopics(options, [{ ...spec, topic: first, partitions: 3 }]),
      /has 2 partitions instead of 3/,
    )
    await assert.rejects(
      createTopics({ brokers: ['127.0.0.1:1'], clientId: 'deploy', timeoutMs: 1000 }, table),
      /could not be made/,
    )
  })
})

async function waitFor(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 600 && !holds(); tries++) await sleep(50)
  assert.ok(holds())
}
