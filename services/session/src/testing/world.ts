import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { type Batch, type Input, type Module, type Output, PresenceError, type Work, type Worker } from '@starling/core'
import { type BareJid, type FullJid, fullJid } from '@starling/jid'
import {
  type Ask,
  causeIndex,
  causeTable,
  decodeEnvelope,
  type Envelope,
  encodeEnvelope,
  maxEmissions,
  type Write,
} from '@starling/wire'
import { createWorker } from '../worker.ts'
import {
  type BindOptions,
  type Client,
  type ClientPorts,
  clientOf,
  connectClient,
  queueResume,
  type ResumeOptions,
} from './client.ts'
import { type FakeRouting, fakeRouting } from './fake-routing.ts'
import { type FakeStorage, fakeStorage } from './fake-storage.ts'
import { type FakePresence, fakeIo, fakePresence, type Limits } from './io.ts'
import { Died, immortal, type Life, mortal, spend, unlessOvertaken } from './life.ts'

/**
 * `after`: everything, once the first has saved: so does an owner that died before its commit. `overlapping`: decided before, done
 * after. `torn`: published before, saved after.
 */
export type ZombieWorks = 'before' | 'overlapping' | 'torn' | 'after'

/** The session stage with a tiny routing and storage around it, in one partition. */
export interface World {
  readonly routing: FakeRouting
  readonly storage: FakeStorage
  readonly presence: FakePresence
  readonly errors: unknown[]
  /** Everything the stage published, in order. */
  readonly published: Output[]
  readonly connect: (account: string, resource: string, more?: BindOptions) => Promise<Client>
  /** Asks to go on with a session; a client comes of it if it is granted, once all that follows has happened. */
  readonly resume: (account: string, options: ResumeOptions) => Promise<Client | undefined>
  readonly ports: ClientPorts
  /** Appends to the session inbox without running. */
  readonly append: (envelope: Envelope) => void
  /** Runs until the inboxes are empty. */
  readonly run: () => Promise<void>
  /** Handles one record of the session inbox. */
  readonly step: () => Promise<void>
  /** Storage works through what was written to its inbox. */
  readonly serve: () => void
  /** Envelopes waiting in the session inbox. */
  readonly waiting: () => readonly Envelope[]
  /** Storage answers nothing while true. */
  isStorageHeld: boolean
  /** Units: envelopes a record. */
  perRecord: number
  /** Units: records a batch, at most; each batch takes the next of these, also one that is handed over again. */
  cuts: readonly number[]
  /** Whether every batch is worked in prefixes and repeatedly, before and after its state is saved. */
  isParanoid: boolean
  /** Effects the owner has in the next batch (decisions, outputs, saves, each by itself) before it dies; it never commits. */
  crashAfter: number | undefined
  /** A second owner, who believes to be the only one, works the next batches too: at this moment of the first one's work. */
  zombie: ZombieWorks | undefined
  /** Whether that one remembers what it did before; else it is new each time. */
  isZombieWarm: boolean
  /** Units: records in its batch, at most. */
  zombieBatch: number
  /** Another owner takes the partition over. */
  readonly takeOver: () => void
  /** Presence forgets everything, and the stage has found that out. */
  readonly forget: () => void
}

/** Through the codec, as everything that travels. */
function travelled(envelope: Envelope): Envelope {
  const decoded = decodeEnvelope(encodeEnvelope(envelope))
  if (!decoded.ok) throw new Error(decoded.error)
  return decoded.value
}

/** An output as it shows. */
function shown({ cause, to, envelope, isQuestion }: Output): unknown {
  return [cause.place, to, isQuestion, Buffer.from(encodeEnvelope(envelope)).toString('latin1')]
}

/** R3: a batch handed over again before its state was saved gives the same, a prefix of it the beginning of that. */
async function checkBefore(worker: Worker, batch: Batch, outputs: readonly Output[]): Promise<void> {
  for (let length = 0; length <= batch.inputs.length; length++) {
    const prefix = await worker.work({ ...batch, inputs: batch.inputs.slice(0, length) })
    assert.deepEqual(prefix.outputs.map(shown), outputs.slice(0, prefix.outputs.length).map(shown))
    if (length === batch.inputs.length) assert.equal(prefix.outputs.length, outputs.length)
  }
}

/** R3: after its state was saved it gives nothing, or the same where nothing had to be saved. */
async function checkAfter(worker: Worker, batch: Batch, outputs: readonly Output[]): Promise<void> {
  const again = await worker.work(batch)
  let from = 0
  for (const output of again.outputs) {
    const found = outputs.findIndex((one, index) => index >= from && isDeepStrictEqual(shown(one), shown(output)))
    assert.notEqual(found, -1, 'a replay published something new')
    from = found + 1
  }
}

/** Makes a world of accounts of example.org. */
export function createWorld(
  localparts: readonly string[],
  more: { readonly modules?: readonly Module[]; readonly limits?: Limits } = {},
): World {
  const routing = fakeRouting()
  const storage = fakeStorage(localparts.map((localpart) => `${localpart}@example.org`))
  const presence = fakePresence()
  const errors: unknown[] = []
  const published: Output[] = []
  const zombieIo = fakeIo({ presence: presence.port, errors, ...more })
  const life: Life = { left: Number.POSITIVE_INFINITY }
  const io = { ...zombieIo, presence: mortal(presence.port, life) }
  let worker = createWorker(io)
  const zombieWorker = createWorker(zombieIo)
  const inbox: Envelope[] = []
  /** Records that are not committed. */
  const log: Input[][] = []
  let stored: Envelope[] = []
  let offset = 0
  let connections = 0
  let forgotAtMs = 0
  let batches = 0
  const causes = { routing: causeTable(''), session: causeTable(''), storage: causeTable(''), pod: causeTable('') }

  const publish = (outputs: readonly Output[], living: Life): void => {
    const emissions = new Map<Input, number>()
    const numbered = outputs.map((output) => {
      const emission = output.isQuestion === true ? maxEmissions : (emissions.get(output.cause) ?? 0)
      emissions.set(output.cause, emission + 1)
      const { offset: of, index } = output.cause.place
      return { output, cause: { inbox: 1, partition: 0, offset: of, index: causeIndex(index, emission) } }
    })
    const inOrder = (['routing', 'session', 'storage'] as const).flatMap((to) =>
      numbered.filter(({ output }) => output.to === to),
    )
    for (const { output, cause } of inOrder) {
      spend(living)
      const { to } = output
      const envelope = travelled(output.envelope)
      // R3: what is not above the highest cause seen is dropped by its reader
      if (!causes[to].accept(cause)) continue
      published.push(output)
      if (to === 'routing') routing.handle(envelope)
      else if (to === 'session') inbox.push(envelope)
      else stored.push(envelope)
    }
  }
  const batchOf = (records: number): Batch => {
    const taken = log.slice(0, Math.max(1, records))
    const inputs = taken.flat()
    return { inbox: 'session', partition: 0, inputs, lastOffset: inputs.at(-1)?.place.offset ?? -1, forgotAtMs }
  }
  const step = async (): Promise<void> => {
    const cut = world.cuts[batches % world.cuts.length] ?? 1
    batches += 1
    while (inbox.length > 0 && log.length < Math.max(cut, world.zombieBatch, 1)) {
      const record = inbox.splice(0, world.perRecord)
      log.push(
        record.map((envelope, index) => ({ place: { inbox: 'session', partition: 0, offset, index }, envelope })),
      )
      offset += 1
    }
    const batch = batchOf(cut)
    const { zombie } = world
    if (zombie === undefined) {
      await own(batch)
      return
    }
    const other = batchOf(world.zombieBatch)
    const zombieAtWork = world.isZombieWarm ? zombieWorker : createWorker(zombieIo)
    const late = zombie === 'after' ? undefined : await unlessOvertaken(() => zombieAtWork.work(other))
    if (late !== undefined && zombie !== 'overlapping') publish(late.outputs, immortal)
    if (zombie === 'before') await unlessOvertaken(async () => late?.save?.())
    await own(batch)
    if (late !== undefined && zombie === 'overlapping') publish(late.outputs, immortal)
    if (zombie === 'overlapping' || zombie === 'torn') await unlessOvertaken(async () => late?.save?.())
    if (zombie === 'after') await unlessOvertaken(async () => finish(await zombieAtWork.work(other), immortal))
  }
  const finish = async ({ outputs, save }: Work, living: Life): Promise<void> => {
    publish(outputs, living)
    await save?.()
  }
  const own = async (batch: Batch): Promise<void> => {
    life.left = world.crashAfter ?? Number.POSITIVE_INFINITY
    world.crashAfter = undefined
    const dies = life.left !== Number.POSITIVE_INFINITY
    try {
      const work = await worker.work(batch)
      if (world.isParanoid) await checkBefore(worker, batch, work.outputs)
      await finish(work, life)
      if (world.isParanoid) await checkAfter(worker, batch, work.outputs)
      if (dies) throw new Died()
      const last = batch.lastOffset
      while ((log[0]?.[0]?.place.offset ?? Number.POSITIVE_INFINITY) <= last) log.shift()
    } catch (error) {
      // the next owner knows only what was saved, and begins again; one that was overtaken is handed the batch again
      if (error instanceof Died) worker = createWorker(io)
      else if (!(error instanceof PresenceError)) throw error
    }
    life.left = Number.POSITIVE_INFINITY
  }
  const serve = (): void => {
    const batch = stored
    stored = []
    for (const envelope of batch) {
      if (envelope.kind === 'write') storage.write(envelope satisfies Write)
      else if (envelope.kind === 'ask') inbox.push(travelled(storage.answer(envelope satisfies Ask)))
      else routing.others.push(envelope)
    }
  }
  const run = async (): Promise<void> => {
    while (inbox.length > 0 || log.length > 0 || (stored.length > 0 && !world.isStorageHeld)) {
      if (inbox.length > 0 || log.length > 0) await step()
      else serve()
    }
  }
  const ports: ClientPorts = {
    routing,
    append: (envelope) => world.append(envelope),
    run,
    nextConnection: () => {
      connections += 1
      return connections
    },
  }
  const world: World = {
    routing,
    storage,
    presence,
    errors,
    published,
    ports,
    connect: (account, resource, more) => connectClient(ports, `${account}@example.org/${resource}` as FullJid, more),
    resume: async (account, options) => {
      const key = `${account}@example.org` as BareJid
      const target = queueResume(ports, key, options)
      await run()
      const resumed = routing.resumed.get(target.connection)
      if (resumed === undefined) return undefined
      return clientOf(ports, fullJid(key, resumed.resource), { target, ordinal: resumed.ordinal })
    },
    append: (envelope) => {
      inbox.push(envelope)
    },
    run,
    step,
    serve,
    waiting: () => inbox,
    isStorageHeld: false,
    perRecord: 3,
    cuts: [1],
    isParanoid: false,
    crashAfter: undefined,
    zombie: undefined,
    isZombieWarm: false,
    zombieBatch: 1,
    takeOver: () => {
      worker = createWorker(io)
    },
    forget: () => {
      presence.states.clear()
      presence.hibernations.clear()
      forgotAtMs = 1_000
    },
  }
  return world
}
