import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, afterEach, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Device } from '@starling/testkit'
import { isOurs } from './down.ts'
import { type Conversation, converse } from './testing/conversation.ts'
import { type FaultBed, makeFaultBed, until } from './testing/fault-bed.ts'
import { startLate } from './testing/late-pod.ts'
import { openRelay } from './testing/relay.ts'

// The certificate of a test is its own: nobody signed it. In production clients check it.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'

/** Away from a developer's own cluster and from other tests'. */
const portOffset = 7_000
const password = 'wherefore art thou'
/** Nobody here manages its stream: tools/faults has clients that resume. */
const ignores = ['urn:xmpp:sm:3']
/** Units: ms until a pod that is gone counts as gone (R7). */
const leaseMs = 5_000
const managers = ['connection-manager-1', 'connection-manager-2'] as const

describe('a cluster under faults: two accounts talk through all of them', () => {
  let bed: FaultBed
  let chat: Conversation

  before(async () => {
    bed = await makeFaultBed(portOffset)
    for (const name of ['romeo', 'juliet', 'nurse']) await bed.createAccount(`${name}@localhost`, password)
    chat = await converse(bed.reaches, ['romeo', 'juliet'], password)
    await chat.settled()
  })
  after(async () => {
    await chat?.close()
    await bed?.end()
  })
  afterEach(async () => {
    await chat.settled()
    await bed.well()
  })

  const [romeo, juliet] = [() => chat.talkers[0], () => chat.talkers[1]]
  /** How often both have come back. */
  const streams = (): readonly number[] => chat.talkers.map(({ stream }) => stream)
  const nurse = (): Promise<Device> => {
    const [reach] = bed.reaches
    return reach === undefined ? assert.fail('no server') : connect(reach, { username: 'nurse', password, ignores })
  }
  const allReady = async (): Promise<boolean> => (await Promise.all(managers.map(bed.isReady))).every(Boolean)
  const noneReady = async (): Promise<boolean> => !(await Promise.all(managers.map(bed.isReady))).some(Boolean)
  /** Everybody who is connected stays connected while something is away, and not ready is what pods say meanwhile. */
  const stalls = async (name: string, ms: number): Promise<void> => {
    const before = streams()
    await bed.signal(name, 'SIGSTOP')
    await Promise.all([sleep(ms), until(noneReady, `${name} hangs: not ready`)])
    await bed.start(name)
    await until(allReady, `${name} goes on: ready`)
    await chat.settled()
    assert.deepEqual(streams(), before, 'no stream has ended')
  }

  it('Redis hangs for less than a lease: what was said meanwhile arrives afterwards (R8)', async () => {
    const before = streams()
    await bed.signal('redis', 'SIGSTOP')
    await sleep(2_300)
    await bed.start('redis')
    await chat.settled()
    assert.deepEqual(streams(), before, 'no stream has ended')
  })

  it('Redis dies and comes back empty: pods take their leases again and tell of their sessions; streams stay, and nothing is lost (R11)', async () => {
    const before = streams()
    const told = (what: string): number =>
      managers.flatMap((name) => bed.log(name)).filter((line) => line['what'] === what).length
    const lost = told('slot.lost')
    await bed.signal('redis', 'SIGKILL')
    rmSync(bed.folder.path('infrastructure/redis/appendonlydir'), { recursive: true, force: true })
    await bed.start('redis')
    await until(
      () => told('slot.restored') === managers.length || told('slot.lost') > lost,
      'leases are taken again, or lost',
    )
    await chat.settled()
    assert.equal(told('slot.lost'), lost, 'each pod takes its own lease again')
    assert.deepEqual(streams(), before, 'no stream has ended')
    await (await nurse()).close()
  })

  it('Redis hangs for longer than a lease: pods fence themselves, clients come back and talk (R7)', async () => {
    const before = streams()
    await bed.signal('redis', 'SIGSTOP')
    await until(noneReady, 'not ready')
    // R7: they fence themselves while Redis still hangs
    await until(() => chat.talkers.every(({ device }) => device === undefined), 'both are cut off', leaseMs * 2)
    const restarted = performance.now()
    await bed.start('redis')
    await until(allReady, 'ready again')
    await chat.settled()
    assert.ok(performance.now() - restarted < 20_000, 'all within 20 s')
    assert.deepEqual(
      streams(),
      before.map((stream) => stream + 1),
      'each was cut off once',
    )
  })

  it('PostgreSQL dies: chat goes on, signing in is refused for now, and no message is missing from the archive', async () => {
    const before = streams()
    await bed.signal('postgres', 'SIGKILL')
    await until(async () => !(await bed.isReady('storage-1')), 'storage says that it is not ready')
    const refused = assert.rejects(nurse(), { condition: 'temporary-auth-failure' }) // RFC 6120 §6.5.9
    await chat.settled()
    await refused
    assert.ok(await allReady(), 'connection-managers need no database')
    await bed.start('postgres')
    await until(() => bed.isReady('storage-1'), 'storage is ready again')
    await (await nurse()).close()
    assert.deepEqual(streams(), before, 'no stream has ended')
  })

  it('Kafka hangs: nothing is read, nothing is lost (R8)', () => stalls('kafka-1', 6_000))

  it('Kafka dies and comes back: nothing is read, nothing is lost (R8)', async () => {
    const before = streams()
    await bed.signal('kafka-1', 'SIGKILL')
    await until(noneReady, 'not ready')
    await bed.start('kafka-1')
    await until(allReady, 'ready again')
    await chat.settled()
    assert.deepEqual(streams(), before, 'no stream has ended')
  })

  for (const name of ['session-1', 'routing-1', 'storage-1']) {
    it(`${name} dies: its partitions go to another owner, and nothing is lost or comes twice (R2, R3)`, async () => {
      const before = streams()
      await bed.signal(name, 'SIGKILL')
      await sleep(1_000)
      await chat.settled()
      await bed.start(name)
      await chat.settled()
      assert.deepEqual(streams(), before, 'no stream has ended')
    })
  }

  it('a connection-manager dies: its clients come back by the other one, the others stay; who does not, gets it later', async () => {
    const [before = 0, other = 0] = streams()
    const reach = romeo().reach ?? assert.fail('Romeo is nowhere')
    const victim = managers[bed.reaches.indexOf(reach)] ?? assert.fail('Romeo is nowhere')
    const wasThere = juliet().reach === reach
    const survivor = managers.find((name) => name !== victim) ?? assert.fail('nobody is left')
    const swept = (): number => bed.log(survivor).filter(({ what }) => what === 'pod-swept').length
    const away = await connect(reach, { username: 'nurse', password, ignores })
    await away.available()
    const sweptBefore = swept()
    await bed.signal(victim, 'SIGKILL')
    await until(() => romeo().stream > before, 'Romeo comes back by the other one', 20_000)
    await chat.settled()
    assert.equal(juliet().stream > other, wasThere, 'only who was there has to come back')
    // R7: soon after its lease's end whoever lives has noticed: what was on the dead pod is dead, its sessions are ended
    await until(() => swept() > sweptBefore, 'the dead pod is swept', leaseMs * 2)
    await romeo().device?.message('nurse@localhost', 'wilt thou be gone?')
    const back = await connect(romeo().reach ?? reach, { username: 'nurse', password, ignores })
    await back.available()
    assert.equal((await back.nextBody()).body, 'wilt thou be gone?')
    await back.close()
    await bed.start(victim)
  })

  it('a pod of each service starts while nothing answers: it lives, says what is missing, and gets ready by itself', async () => {
    const servers = bed.servers()
    const place = (port = 0) => ({ host: '127.0.0.1', port })
    const relays = {
      kafka: await openRelay(place(servers['kafka-1'])),
      redis: await openRelay(place(servers['redis'])),
      postgres: await openRelay(place(servers['postgres'])),
    }
    const standIns = { kafka: relays.kafka.port, redis: relays.redis.port, postgres: relays.postgres.port }
    const firsts = bed.pods().filter(({ spec }) => spec.name.endsWith('-1'))
    const late = firsts.map(({ spec }) => startLate(spec, standIns))
    const allSay = (setting: string): Promise<unknown> =>
      Promise.all(late.map((pod) => until(() => pod.logText().includes(setting), `${pod.name} names ${setting}`)))
    try {
      for (const pod of late) {
        await until(async () => (await pod.get('/healthz'))?.status === 200, `${pod.name} lives`)
        const { status, parts } = (await pod.get('/readyz')) ?? {}
        const isStorage = pod.name === 'late-storage'
        assert.equal(status, 503)
        assert.deepEqual(
          [parts?.['log'], parts?.['presence'], parts?.['storage']],
          [false, false, isStorage ? false : undefined],
        )
      }
      const storage = late.find(({ name }) => name === 'late-storage') ?? assert.fail('no storage')
      await until(() => storage.logText().includes('STARLING_DATABASE_URL'), 'storage names the database')
      relays.postgres.set('open')
      await allSay('STARLING_REDIS_URL')
      relays.redis.set('open')
      await allSay('STARLING_LOG_BROKERS')
      relays.kafka.set('open')
      for (const pod of late)
        await until(async () => (await pod.get('/readyz'))?.status === 200, `${pod.name} is ready`)
      assert.ok(
        late.every(({ started }) => isOurs(started)),
        'none has ended',
      )
      await chat.settled()
    } finally {
      for (const { started } of late) if (isOurs(started)) process.kill(started.pid, 'SIGTERM')
      for (const { name, started } of late) await until(() => !isOurs(started), `${name} ends`)
      for (const relay of Object.values(relays)) await relay.close()
    }
  })

  it('a rolling restart: streams of a draining connection-manager end with system-shutdown, nothing else shows', async () => {
    for (const { spec } of bed.pods()) {
      const before = chat.talkers.map(({ streams: all }) => all.length)
      await bed.signal(spec.name, 'SIGTERM')
      const stopped = bed.log(spec.name).findLast(({ what }) => what === 'process.stopped')
      assert.equal(stopped?.['isClean'], true, `${spec.name} ends within its time`)
      await bed.start(spec.name)
      await chat.settled()
      const ends = chat.talkers.flatMap(({ streams: all }, at) =>
        all.slice((before[at] ?? 0) - 1).flatMap(({ ended }) => ended ?? []),
      )
      if (spec.service === 'connection-manager')
        assert.ok(
          ends.every((end) => end === 'system-shutdown'),
          ends.join(),
        ) // RFC 6120 §4.9.3.20
      else assert.deepEqual(ends, [], `${spec.name}: no stream has ended`)
    }
  })

  it('in the end both archives hold what was said, once and in order', () => chat.archived())
})
