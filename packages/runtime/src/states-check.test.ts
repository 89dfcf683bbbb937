import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryLog, memoryPresence } from '@starling/adapters/memory'
import { type Batch, type Log, type Presence, PresenceError, type Progress, type Work } from '@starling/core'
import { type Envelope, encodeEnvelope, inboxes, inboxNames } from '@starling/wire'
import { runKeyed } from './keyed.ts'
import { createPublisher } from './publisher.ts'
import { testLogger, testMetrics, until } from './test-ports.ts'

const key = 'romeo@example.org'
const { topic } = inboxes.session
const atMs = 1_764_000_000_000

function drop(reason: string, causeOffset?: number): Uint8Array {
  const cause = causeOffset === undefined ? {} : { cause: { inbox: 2, partition: 0, offset: causeOffset, index: 0 } }
  const target = { slot: 0, epoch: 0, connection: 1 }
  return encodeEnvelope({ kind: 'drop', key, atMs: 1, target, head: { reason }, ...cause })
}

const reasons = (batch: Batch): readonly string[] =>
  batch.inputs.map(({ envelope }) => (envelope.kind === 'drop' ? envelope.head.reason : envelope.kind))

/** Presence that a test can take back, break and connect anew. */
function shaky() {
  const real = memoryPresence({ clock: () => 0 })
  let connections = 1
  const notes = new Map<string, Progress>()
  let isDown = false
  const unlessDown = <T>(work: () => T): Promise<T> =>
    isDown ? Promise.reject(new PresenceError('away')) : Promise.resolve(work())
  const presence: Presence = {
    ...real,
    connections: () => connections,
    isUp: () => !isDown,
    noteProgress: (kind, partition, progress, connection) =>
      unlessDown(() => {
        if (connection !== connections) throw new PresenceError('that connection is over')
        notes.set(`${kind} ${partition}`, progress)
      }),
    readProgress: (kind, partition) => unlessDown(() => notes.get(`${kind} ${partition}`)),
  }
  return {
    presence,
    notes,
    assertUp: () => unlessDown(() => {}),
    setDown: (down: boolean) => {
      isDown = down
    },
    reconnect: () => {
      connections += 1
    },
  }
}

const flush: Envelope = { kind: 'flush', key, atMs: 1, head: { resource: 'r' } }

function scene(noteMs = 0) {
  const partitions = Object.fromEntries(inboxNames.map((name) => [inboxes[name].topic, 1]))
  const log = memoryLog({ partitions, clock: () => atMs, retryMs: 1 })
  const world = shaky()
  const metrics = testMetrics()
  const logger = testLogger()
  /** Worked and saved reasons, in order; a batch is worked one record at a time. */
  const worked: string[] = []
  const saved: string[] = []
  const forgot: number[] = []
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const end = (): Promise<void> => {
    release()
    return log.close()
  }
  /** `isDeaf`: the worker asks presence for nothing. */
  const hooks = { beforeSave: async (_reasons: readonly string[]): Promise<void> => {}, isDeaf: false }
  const work = async (batch: Batch): Promise<Work> => {
    if (!hooks.isDeaf) await world.assertUp()
    worked.push(...reasons(batch))
    forgot.push(batch.forgotAtMs ?? 0)
    const [cause] = batch.inputs
    return {
      outputs: cause === undefined ? [] : [{ cause, to: 'storage', envelope: flush }],
      save: async () => {
        await hooks.beforeSave(reasons(batch))
        saved.push(...reasons(batch))
      },
    }
  }
  const start = async () => {
    // What a reader has not handled is kept
    await log.read(topic, 0, { from: 0, handle: () => held })
    return runKeyed(
      'session',
      ['session'],
      { work },
      {
        log,
        publisher: await createPublisher(log),
        logger,
        metrics,
        presence: world.presence,
        noteMs,
      },
    )
  }
  const send = async (...reasonsSent: readonly string[]): Promise<void> => {
    for (const reason of reasonsSent) {
      await log.produce(topic, 0, [drop(reason)])
      await until(reason, () => saved.includes(reason))
    }
  }
  const published = async (): Promise<number> => (await (log as Log).ends(inboxes.storage.topic)).get(0) ?? 0
  return { log, end, ...world, metrics, logger, worked, saved, forgot, hooks, start, send, published }
}

describe('R11: a stage and presence that goes back', () => {
  it('what was saved is noted with its commit’s metadata', async () => {
    const { log, end, start, send, notes } = scene()
    await start()
    await send('a')
    await log.produce(topic, 0, [drop('caused', 7)])
    await until('both noted', () => notes.get('session 0')?.offset === 2)
    assert.match(notes.get('session 0')?.metadata ?? '', /^2:.+/)
    await end()
  })

  it('the owner works again what presence lost, before anything else, once a connection', async () => {
    const { end, start, send, notes, worked, metrics, reconnect } = scene()
    await start()
    await send('a', 'b')
    const old = notes.get('session 0')
    assert.ok(old)
    await send('c', 'd')
    notes.set('session 0', old)
    await send('e')
    assert.deepEqual(worked, ['a', 'b', 'c', 'd', 'e'], 'nobody has noticed: the connection is the same')
    notes.set('session 0', old)
    reconnect()
    await send('f', 'g')
    assert.deepEqual(worked, ['a', 'b', 'c', 'd', 'e', 'c', 'd', 'e', 'f', 'g'])
    assert.equal(metrics.counts.get('starling_replayed_records_total'), 3)
    assert.equal(notes.get('session 0')?.offset, 7)
    await end()
  })

  it('the next owner too, with the causes as they were then: a repetition in the log is none of its work', async () => {
    const { log, end, start, send, notes, worked } = scene()
    const first = await start()
    await send('a')
    await log.produce(topic, 0, [drop('once', 7)])
    await until('it is handled', () => notes.get('session 0')?.offset === 2)
    const old = notes.get('session 0')
    assert.ok(old)
    await log.produce(topic, 0, [drop('twice', 7), drop('lost')])
    await until('all is handled', () => notes.get('session 0')?.offset === 3)
    await first.close()
    notes.set('session 0', old)
    worked.length = 0
    await start()
    await send('b')
    assert.deepEqual(worked, ['lost', 'b'])
    await end()
  })

  it('a batch that was read before it went back is not published', async () => {
    const { end, start, send, notes, worked, hooks, reconnect, saved, published } = scene()
    await start()
    await send('a')
    const before = await published()
    let isFirst = true
    hooks.beforeSave = async ([reason]) => {
      if (reason !== 'b' || !isFirst) return
      isFirst = false
      reconnect() // after it was published
      throw new PresenceError('away')
    }
    await send('b')
    assert.deepEqual(worked, ['a', 'b', 'b'], 'presence had lost nothing: it is worked again')
    assert.deepEqual(saved, ['a', 'b'])
    assert.equal(notes.get('session 0')?.offset, 2)
    assert.equal((await published()) - before, 2, 'whose repetition its reader drops')
    await end()
  })

  it('where it has forgotten everything, workers are told since when; the batch that was published stays as it was told', async () => {
    const { log, end, start, send, notes, worked, saved, forgot, hooks, setDown, reconnect, metrics } = scene()
    await start()
    await send('a')
    hooks.beforeSave = async ([reason]) => {
      if (reason !== 'b' || saved.includes('gone')) return
      saved.push('gone')
      setDown(true)
      throw new PresenceError('away')
    }
    await log.produce(topic, 0, [drop('b')])
    await until('it is away', () => saved.includes('gone'))
    notes.clear()
    reconnect()
    setDown(false)
    await send('c')
    assert.deepEqual(worked, ['a', 'b', 'c'])
    assert.deepEqual(forgot, [0, 0, atMs])
    assert.equal(metrics.counts.get('starling_presence_forgotten_total'), 1)
    assert.equal(notes.get('session 0')?.forgotAtMs, atMs)
    await end()
  })

  it('notes are apart: what lies behind the last one is worked again, on a new connection, and noted', async () => {
    const { end, start, send, notes, worked, reconnect } = scene(60_000)
    await start()
    await send('a', 'b', 'c')
    assert.equal(notes.get('session 0')?.offset, 1)
    reconnect()
    await send('d')
    assert.deepEqual(worked, ['a', 'b', 'c', 'b', 'c', 'd'])
    assert.equal(notes.get('session 0')?.offset, 3)
    await end()
  })

  it('a batch that presence was asked nothing for is not published while it is away', async () => {
    const { log, end, start, send, setDown, published, saved, logger, hooks } = scene()
    await start()
    await send('a')
    const before = await published()
    hooks.isDeaf = true
    setDown(true)
    await log.produce(topic, 0, [drop('b')])
    await until('it was tried', () => logger.events.some(({ what }) => what === 'batch.failed'))
    assert.equal(await published(), before)
    setDown(false)
    await until('it is saved', () => saved.includes('b'))
    assert.equal(await published(), before + 1)
    await end()
  })

  it('an inbox that was never worked has nothing to forget', async () => {
    const { end, start, send, forgot } = scene()
    await start()
    await send('a')
    assert.deepEqual(forgot, [0])
    await end()
  })
})
