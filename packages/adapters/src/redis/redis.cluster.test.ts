import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Presence, PresenceError, type QueuePlace, type StateSave } from '@starling/core'
import { bareJid } from '@starling/jid'
import { type Infrastructure, presenceContract, type Server, startInfrastructure } from '@starling/testkit'
import { Redis } from 'ioredis'
import { type RedisPresenceOptions, redisPresence } from './presence.ts'

const url = process.env['STARLING_TEST_REDIS'] ?? ''
const emptyStateTtlMs = 3000
const rollTtlMs = 3000

presenceContract('Redis', async () => {
  if (url === '')
    throw new Error('STARLING_TEST_REDIS is not set: run `npm test -- --only cluster`, which starts Redis')
  const run = randomUUID()
  const opened: Presence[] = []
  return {
    open: async (space) => {
      const keyPrefix = `test:${run}:${space}:`
      const presence = redisPresence({ url, keyPrefix, timeoutMs: 20_000, emptyStateTtlMs, rollTtlMs })
      opened.push(presence)
      return presence
    },
    emptyStateTtlMs,
    rollTtlMs,
    leaseMs: 3000,
    pass: (ms) => sleep(ms + 20),
    runs: 50,
    close: async () => {
      await Promise.all(opened.map((presence) => presence.close()))
    },
  }
})

describe('Redis presence when its server fails', { timeout: 120_000 }, () => {
  let directory = ''
  let infrastructure: Infrastructure | undefined
  const opened: Presence[] = []
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'starling-redis-'))
    infrastructure = await startInfrastructure({ directory, redis: true })
  })
  after(async () => {
    await Promise.all(opened.map((presence) => presence.close()))
    await infrastructure?.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const server = (): Server => {
    if (infrastructure?.redis === undefined) throw new Error('Redis did not start')
    return infrastructure.redis
  }
  const open = (options: Partial<RedisPresenceOptions> = {}): Presence => {
    const presence = redisPresence({ url: server().url, timeoutMs: 500, maxBackoffMs: 100, ...options })
    opened.push(presence)
    return presence
  }

  it('kill -9: calls reject with PRESENCE_DOWN; started again, it recovers by itself', async () => {
    const events: string[] = []
    const presence = open({ onEvent: (what) => events.push(what) })
    await until(() => presence.isUp())
    assert.deepEqual(await presence.saveStates('session', [save('a', 1)]), [true])
    await server().kill('SIGKILL')
    await until(() => !presence.isUp())
    await assert.rejects(presence.readStates('session', [account('a')]), isDown)
    await assert.rejects(presence.saveStates('session', [save('a', 2)]), isDown)
    await assert.rejects(presence.takeGeneration('a'), isDown)
    await assert.rejects(presence.leaseSlot('pod', 4, 5000), isDown)
    await assert.rejects(presence.readSlots([0]), isDown)
    await assert.rejects(presence.enlist({ slot: 0, epoch: 1 }, ['1 a@b']), isDown)
    await assert.rejects(presence.rolls(10), isDown)
    await assert.rejects(presence.trimQueues([place('a')]), isDown)
    await assert.rejects(presence.readQueues([place('a')], 10), isDown)
    await assert.rejects(presence.noteHibernations([{ name: 'a', endsAtMs: 1 }]), isDown)
    await assert.rejects(presence.endedHibernations(1, 10), isDown)
    await server().start()
    await until(() => presence.isUp())
    const [state] = await presence.readStates('session', [account('a')])
    assert.equal(state?.mark, -1, 'this Redis keeps nothing over a restart, and what was refused did not happen later')
    assert.deepEqual(await presence.saveStates('session', [save('a', 3)]), [true])
    assert.ok(['presence.up', 'presence.down', 'presence.fault'].every((what) => events.includes(what)))
  })

  it('R5 a generation is above those before, also when Redis has forgotten them', async () => {
    const presence = open()
    await until(() => presence.isUp())
    let before = 0
    for (let i = 0; i < 5; i++) before = await presence.takeGeneration('romeo@montague.example')
    await server().kill('SIGKILL')
    await server().start()
    await until(() => presence.isUp())
    assert.ok((await presence.takeGeneration('romeo@montague.example')) > before)
  })

  it('R5, R11 and also when Redis has gone back to before they were given', async () => {
    const presence = open({ keyPrefix: 'back:' })
    await until(() => presence.isUp())
    const admin = new Redis(server().url)
    const remembered = await presence.takeGeneration('romeo@montague.example')
    const [key = ''] = await admin.keys('back:*')
    const lost = await presence.takeGeneration('romeo@montague.example')
    await admin.set(key, String(remembered))
    await sleep(20)
    assert.ok((await presence.takeGeneration('romeo@montague.example')) > lost)
    admin.disconnect()
  })

  it('SIGSTOP: calls reject, what waits is bounded; when it goes on, it recovers by itself', async () => {
    const presence = open({ maxPendingCalls: 3 })
    await until(() => presence.isUp())
    await server().kill('SIGSTOP')
    const calls = await Promise.allSettled(Array.from({ length: 5 }, () => presence.takeGeneration('a')))
    const reasons = calls.map((call) => (call.status === 'rejected' ? call.reason : undefined))
    assert.ok(reasons.every(isDown))
    assert.equal(reasons.filter((reason) => String(reason).includes('none more is taken')).length, 2)
    await until(() => !presence.isUp())
    await server().kill('SIGCONT')
    await until(() => presence.takeGeneration('a').then(Boolean, () => false))
  })

  it('absent at the start: calls reject; once it is there, they work', async () => {
    await server().stop()
    const presence = open()
    await assert.rejects(presence.takeGeneration('a'), isDown)
    assert.equal(presence.isUp(), false)
    await server().start()
    await until(() => presence.isUp())
    assert.ok((await presence.takeGeneration('a')) > 0)
  })

  it('a server that forgot its scripts learns them again within the call', async () => {
    const presence = open()
    await until(() => presence.isUp())
    await presence.saveStates('routing', [save('b', 1)])
    const admin = new Redis(server().url)
    await admin.script('FLUSH')
    admin.disconnect()
    assert.deepEqual(await presence.saveStates('routing', [save('b', 2), save('b', 2), save('c', 1)]), [
      true,
      false,
      true,
    ])
  })

  it('R4 a queue that nobody ends goes its time after the last append; a trim does not prolong it', async () => {
    const presence = open({ queueTtlMs: 2000 })
    await until(() => presence.isUp())
    const append = (mark: number): Promise<unknown> =>
      presence.saveStates('routing', [
        { ...save('leak', mark), queues: [{ queue: 'q', append: [{ ordinal: mark, bytes: new Uint8Array(9) }] }] },
      ])
    const admin = new Redis(server().url)
    const leftMs = (): Promise<number> => admin.pttl('starling:queue:{leak@capulet.example}q')
    await append(1)
    await append(2)
    const first = await leftMs()
    assert.ok(first > 0 && first <= 2000)
    await presence.trimQueues([place('leak', 1)])
    const trimmed = await leftMs()
    assert.ok(trimmed > 0 && trimmed <= first)
    await until(async () => (await leftMs()) < first - 800)
    await append(3)
    assert.ok((await leftMs()) > first - 800, 'an append renews it')
    await until(async () => (await presence.readQueues([place('leak')], 10))[0]?.length === 0)
    assert.equal(await leftMs(), -2)
    admin.disconnect()
  })

  it('R4 an empty queue takes no memory', async () => {
    const presence = open()
    await until(() => presence.isUp())
    const admin = new Redis(server().url)
    const entry = { ordinal: 1, bytes: new Uint8Array(9) }
    await presence.saveStates('routing', [{ ...save('idle', 1), queues: [{ queue: 'q', append: [entry] }] }])
    assert.equal(await admin.exists('starling:queue:{idle@capulet.example}q'), 1)
    await presence.trimQueues([place('idle', 1)])
    assert.equal(await admin.exists('starling:queue:{idle@capulet.example}q'), 0)
    admin.disconnect()
  })

  it('R7 a process that stood still cannot extend the lease of its successor of the same name', async () => {
    const [zombie, successor] = [open(), open()]
    const old = await zombie.leaseSlot('connection-manager-1', 1, 60_000)
    assert.ok(old)
    await zombie.releaseSlot(old)
    const lease = await successor.leaseSlot('connection-manager-1', 1, 60_000)
    assert.ok(lease)
    assert.equal(await zombie.extendSlot({ ...old, epoch: 99 }, 60_000), false)
    await zombie.releaseSlot({ ...old, epoch: 99 })
    assert.equal(await successor.extendSlot({ ...lease, epoch: 5 }, 60_000), true)
  })

  it('closed, it refuses', async () => {
    const presence = open()
    await presence.close()
    await assert.rejects(presence.takeGeneration('a'), isDown)
    assert.equal(presence.isUp(), false)
  })
})

const account = (localpart: string): ReturnType<typeof bareJid> => bareJid(localpart, 'capulet.example')

function place(localpart: string, ordinal = 0): QueuePlace {
  return { account: account(localpart), queue: 'q', ordinal }
}

function save(localpart: string, mark: number): StateSave {
  return { account: account(localpart), mark, set: new Map([['x', new Uint8Array([mark])]]), remove: [] }
}

function isDown(error: unknown): boolean {
  return error instanceof PresenceError && error.code === 'PRESENCE_DOWN'
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 2000) throw new Error(`waited in vain until ${holds}`)
    await sleep(10)
  }
}
