import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Infrastructure, startInfrastructure } from '@starling/testkit'
import { unpackRecord } from '@starling/wire'
import { createTopics, kafkaLog } from './kafka.ts'

/** So many that those of the dead broker part: some go to one of the others, some to the other. */
const partitions = 12

describe('the log on three brokers, one of which dies', { timeout: 400_000 }, () => {
  let directory = ''
  let infrastructure: Infrastructure | undefined
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'starling-leaders-'))
    infrastructure = await startInfrastructure({ directory, kafka: { brokers: 3, heapMb: 256 } })
  })
  after(async () => {
    await infrastructure?.stop()
    await rm(directory, { recursive: true, force: true })
  })

  for (const client of ['kafkajs', 'platformatic'] as const) {
    it(`R1 R2 ${client}: its partitions get other leaders; nothing acknowledged is lost, and both ways go on`, async (test) => {
      const brokers = infrastructure?.kafka ?? []
      const urls = brokers.map(({ url }) => url)
      const topic = `leaders.${client}`
      const spec = { topic, partitions, replication: 3, minInSyncReplicas: 2, retentionHours: 1 }
      await createTopics({ brokers: urls, clientId: 'leaders' }, [spec])
      const log = kafkaLog({
        client,
        brokers: urls,
        clientId: `leaders.${client}`,
        clock: () => Date.now(),
        sessionTimeoutMs: 3000,
        produceTimeoutMs: 60_000,
        closeTimeoutMs: 2000,
      })
      test.after(() => log.close()) // also when it fails: else the clients keep the process
      const seen = Array.from({ length: partitions }, () => new Set<string>())
      const slot = new Set<string>()
      const keep = async (
        set: (partition: number) => Set<string> | undefined,
        partition: number,
        value: Uint8Array,
      ) => {
        const unpacked = unpackRecord(value)
        assert.ok(unpacked.ok)
        for (const bytes of unpacked.value) set(partition)?.add(Buffer.from(bytes).toString())
      }
      const readers = [
        await log.consume({
          group: `leaders.${client}`,
          topics: [topic],
          onAssigned: () => {},
          onRevoked: () => {},
          handle: async ({ partition, records }) => {
            for (const { value } of records) await keep((one) => seen[one], partition, value)
            return 'm'
          },
        }),
        await log.read(topic, 0, {
          from: 0,
          handle: async ({ records }) => {
            for (const { value } of records) await keep(() => slot, 0, value)
          },
        }),
      ]
      const acknowledged = Array.from({ length: partitions }, () => 0)
      let isOver = false
      const load = acknowledged.map(async (_, partition) => {
        for (let i = 0; !isOver; i++) {
          await log.produce(topic, partition, [Buffer.from(`${i}`)])
          acknowledged[partition] = i + 1
          await sleep(2)
        }
      })
      await waitFor('all partitions are read', () => seen.every((set) => set.size > 20))
      await brokers[1]?.kill('SIGKILL')
      const count = [...acknowledged]
      await waitFor('all partitions go on', () => acknowledged.every((done, i) => done > (count[i] ?? 0) + 100))
      await brokers[1]?.start()
      await sleep(1000)
      isOver = true
      await Promise.all(load)
      await waitFor('all acknowledged were handled', () =>
        acknowledged.every((done, partition) => seen[partition]?.has(`${done - 1}`)),
      )
      acknowledged.forEach((done, partition) => {
        const inOrder = Array.from({ length: done }, (_, i) => `${i}`)
        assert.deepEqual([...(seen[partition] ?? [])], inOrder, `partition ${partition}`) // a set keeps who came first
      })
      await waitFor('the reader without a group has all', () => slot.size === acknowledged[0])
      await Promise.all(readers.map((reader) => reader.close()))
    })
  }
})

async function waitFor(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1800; tries++) {
    if (holds()) return
    await sleep(50)
  }
  throw new Error(`waited in vain until ${what}`)
}
