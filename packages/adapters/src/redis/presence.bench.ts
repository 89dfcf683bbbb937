import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Presence, QueueChange, StateKind, StateSave } from '@starling/core'
import { type BareJid, bareJid } from '@starling/jid'
import { startInfrastructure } from '@starling/testkit'
import { Redis } from 'ioredis'
import { redisPresence } from './presence.ts'
import { fieldsOf, messageBytes, queue } from './sample-session.ts'

interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

const accounts = 20_000
const batch = 100
/** Commit metadata of a progress note: a table of causes of 64 partitions (packages/wire/src/causes.ts). */
const metadata = `2:${'A'.repeat(944)}`
/** What presence costs in Redis: a session's memory part by part, and the server's processor for each call, in batches as stages make them. */
export async function bench(): Promise<readonly Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), 'starling-bench-'))
  const infrastructure = await startInfrastructure({ directory, redis: true })
  const presence = redisPresence({ url: infrastructure.urls.redis, timeoutMs: 30_000 })
  const admin = new Redis(infrastructure.urls.redis)
  try {
    await presence.takeGeneration('warm')
    const common = [
      ...(await idleSession(presence, new Meter(admin))),
      ...(await unacknowledged(presence, new Meter(admin))),
      ...(await progressNote(presence, new Meter(admin))),
    ]
    await admin.flushall()
    // What a Redis for Starling is best told: hashes with values up to here stay in one piece of memory.
    await admin.config('SET', 'hash-max-listpack-value', '512')
    const told = await idleSession(presence, new Meter(admin))
    return [...common, ...told.map(({ name, ...rest }) => ({ name: `listpack values 512: ${name}`, ...rest }))]
  } finally {
    admin.disconnect()
    await presence.close()
    await infrastructure.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

async function idleSession(presence: Presence, meter: Meter): Promise<readonly Figure[]> {
  const life = { slot: 200, epoch: 123_456_789_012 }
  const figures = [
    ...(await meter.run('session state, new', saving(presence, 'session', 1_000_000))),
    ...(await meter.run('routing state, new', saving(presence, 'routing', 1_000_000))),
    ...(await meter.run('generation', (part) => Promise.all(part.map((jid) => presence.takeGeneration(jid))))),
    ...(await meter.run('roll entry', (part) =>
      presence.enlist(
        life,
        part.map((jid) => `4000000 ${jid}`),
      ),
    )),
  ]
  const idle = { name: 'idle session with stream management, all in', value: meter.heldBytes, unit: 'B' }
  return [
    ...figures,
    idle,
    ...(await meter.run('session state, again', saving(presence, 'session', 1_000_001))),
    ...(await meter.run('session state, read', (part) => presence.readStates('session', part))),
    ...(await meter.run('hibernation', (part) =>
      presence.noteHibernations(part.map((jid) => ({ name: `200 123456789012 4000000 ${jid}`, endsAtMs: 1.79e12 }))),
    )),
  ]
}

async function unacknowledged(presence: Presence, meter: Meter): Promise<readonly Figure[]> {
  const change = (first: number, count: number): QueueChange => ({
    queue,
    append: Array.from({ length: count }, (_, i) => ({
      ordinal: first + i,
      bytes: new Uint8Array(messageBytes).fill(7),
    })),
  })
  const places = (part: readonly BareJid[], ordinal: number) => part.map((account) => ({ account, queue, ordinal }))
  const save = (mark: number, ...queues: readonly QueueChange[]) => saving(presence, 'routing', mark, queues)
  const message = `message of ${messageBytes} B`
  return [
    ...(await meter.run('routing state, again', save(1_000_001))),
    ...(await meter.run(`routing state and a first ${message}`, save(1_000_002, change(1_000_001, 1)))),
    ...(await meter.run('trim of all', (part) => presence.trimQueues(places(part, 1_000_001)))),
    ...(await meter.run(`routing state and 10 more, each a ${message}`, save(1_000_003, change(1_000_002, 10)))),
    ...(await meter.run('trim of 5 of 10', (part) => presence.trimQueues(places(part, 1_000_006)))),
    ...(await meter.run('read of 5', (part) => presence.readQueues(places(part, 1_000_006), 100))),
    ...(await meter.run('end of a queue', save(1_000_004, { queue, append: [], isEnded: true }))),
  ]
}

/** The note of how far the states reach (R11, ADR 11), one after another as a stage takes them: what it costs, and how long a batch waits for it. */
async function progressNote(presence: Presence, meter: Meter): Promise<readonly Figure[]> {
  const started = performance.now()
  const figures = await meter.run('progress note', async (part) => {
    for (const [offset] of part.entries())
      await presence.noteProgress('routing', offset % 4, { offset, metadata, forgotAtMs: 0 }, presence.connections())
  })
  const waitUs = ((performance.now() - started) * 1_000) / accounts
  return [...figures.slice(1), { name: 'progress note: time until it is there', value: waitUs, unit: 'us' }]
}

function saving(presence: Presence, kind: StateKind, mark: number, queues: readonly QueueChange[] = []) {
  return (part: readonly BareJid[]): Promise<unknown> => {
    const common = { mark, set: fieldsOf[kind], remove: [], ...(queues.length === 0 ? {} : { queues }) }
    return presence.saveStates(
      kind,
      part.map((account): StateSave => ({ account, ...common })),
    )
  }
}

/** Runs calls for every account, and tells what they left in memory and what the server's processor and ours did for them. */
class Meter {
  readonly #admin: Redis
  readonly #batches: readonly (readonly BareJid[])[]
  #startBytes = Number.NaN
  #usedBytes = Number.NaN

  constructor(admin: Redis) {
    this.#admin = admin
    const names = Array.from({ length: accounts }, (_, i) => bareJid(`user${i}`.padEnd(12, 'x'), 'example.org'))
    this.#batches = Array.from({ length: accounts / batch }, (_, i) => names.slice(i * batch, (i + 1) * batch))
  }

  /** What is held since the first run. Units: bytes an account. */
  get heldBytes(): number {
    return (this.#usedBytes - this.#startBytes) / accounts
  }

  async run(name: string, work: (part: readonly BareJid[]) => Promise<unknown>): Promise<readonly Figure[]> {
    if (Number.isNaN(this.#startBytes)) this.#startBytes = this.#usedBytes = await this.#memory()
    const from = await this.#processorUs()
    const ours = process.cpuUsage()
    for (const part of this.#batches) await work(part)
    const { user, system } = process.cpuUsage(ours)
    const serverUs = (await this.#processorUs()) - from
    const before = this.#usedBytes
    this.#usedBytes = await this.#memory()
    return [
      { name: `${name}: memory`, value: (this.#usedBytes - before) / accounts, unit: 'B' },
      { name: `${name}: server's processor`, value: serverUs / accounts, unit: 'us' },
      { name: `${name}: our processor`, value: (user + system) / accounts, unit: 'us' },
    ]
  }

  async #memory(): Promise<number> {
    return Number(/used_memory:(\d+)/.exec(await this.#admin.info('memory'))?.[1])
  }

  async #processorUs(): Promise<number> {
    const text = await this.#admin.info('cpu')
    const seconds = (part: string): number => Number(new RegExp(`used_cpu_${part}:([\\d.]+)`).exec(text)?.[1])
    return (seconds('user') + seconds('sys')) * 1e6
  }
}
