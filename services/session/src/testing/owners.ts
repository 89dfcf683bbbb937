import { type Batch, type Input, type Output, PresenceError, type Work, type Worker } from '@starling/core'
import { causeIndex, causeTable, decodeEnvelope, type Envelope, encodeEnvelope, maxEmissions } from '@starling/wire'
import { createWorker } from '../worker.ts'
import { type FakeRouting, fakeRouting } from './fake-routing.ts'
import { type FakeStorage, fakeStorage } from './fake-storage.ts'
import { type FakePresence, fakeIo, fakePresence } from './io.ts'

/** Owners of one partition at once, of whom any may stand still at any moment and go on later; the log knows only one of them. */
export interface Owners {
  readonly routing: FakeRouting
  readonly storage: FakeStorage
  readonly presence: FakePresence
  readonly errors: unknown[]
  /** Appends a record to the session inbox. */
  readonly append: (...envelopes: readonly Envelope[]) => void
  /** Storage answers what it was asked. */
  readonly serve: () => void
  /** The owner reads and decides up to so many records, where it stands. */
  readonly begin: (owner: number, records: number) => Promise<void>
  /** The owner publishes so many outputs more. */
  readonly publish: (owner: number, count: number) => void
  /** The owner publishes the rest and saves; it commits if it lives so long. */
  readonly finish: (owner: number, commits: boolean) => Promise<void>
  /** The owner dies; another takes its number, knows nothing and begins at the commit. */
  readonly restart: (owner: number) => void
  /** One owner alone does all that is left. */
  readonly settle: (owner: number) => Promise<void>
}

interface Owner {
  worker: Worker
  /** The first record not worked. */
  position: number
  current: { readonly work: Work; readonly rest: Output[]; readonly end: number } | undefined
}

/** Makes owners of accounts of example.org. */
export function createOwners(localparts: readonly string[], count: number): Owners {
  const routing = fakeRouting()
  const storage = fakeStorage(localparts.map((name) => `${name}@example.org`))
  const presence = fakePresence()
  const errors: unknown[] = []
  const make = (): Worker => createWorker(fakeIo({ presence: presence.port, errors }))
  const owners = Array.from({ length: count }, (): Owner => ({ worker: make(), position: 0, current: undefined }))
  const log: Input[][] = []
  let stored: Envelope[] = []
  let committed = 0
  const causes = { routing: causeTable(''), session: causeTable(''), storage: causeTable('') }

  const ownerOf = (number: number): Owner => {
    const owner = owners[number % count]
    if (owner === undefined) throw new Error('there are no owners')
    return owner
  }
  const append = (...envelopes: readonly Envelope[]): void => {
    const offset = log.length
    log.push(
      envelopes.map((envelope, index) => ({ place: { inbox: 'session', partition: 0, offset, index }, envelope })),
    )
  }
  const emit = ({ to, envelope }: Output): void => {
    const decoded = decodeEnvelope(encodeEnvelope(envelope))
    if (!decoded.ok || decoded.value.cause === undefined || to === 'pod') throw new Error('no envelope')
    // R3: what is not above the highest cause seen is dropped by its reader
    if (!causes[to].accept(decoded.value.cause)) return
    if (to === 'routing') routing.handle(decoded.value)
    else if (to === 'session') append(decoded.value)
    else stored.push(decoded.value)
  }
  const serve = (): void => {
    const asked = stored
    stored = []
    for (const envelope of asked) {
      if (envelope.kind === 'write') storage.write(envelope)
      else if (envelope.kind === 'ask') append(storage.answer(envelope))
    }
  }
  /** Infrastructure that fails leaves an owner where it stands. */
  const attempt = async (owner: Owner, act: () => Promise<void>): Promise<void> => {
    try {
      await act()
    } catch (error) {
      if (!(error instanceof PresenceError)) throw error
      owner.current = undefined
    }
  }
  const begin = async (number: number, records: number): Promise<void> => {
    const owner = ownerOf(number)
    if (owner.current !== undefined || owner.position >= log.length) return
    const inputs = log.slice(owner.position, owner.position + records).flat()
    const lastOffset = inputs.at(-1)?.place.offset ?? -1
    const batch: Batch = { inbox: 'session', partition: 0, inputs, lastOffset }
    await attempt(owner, async () => {
      const work = await owner.worker.work(batch)
      owner.current = { work, rest: ordered(work.outputs), end: lastOffset + 1 }
    })
  }
  const publish = (number: number, outputs: number): void => {
    for (const output of ownerOf(number).current?.rest.splice(0, outputs) ?? []) emit(output)
  }
  const finish = async (number: number, commits: boolean): Promise<void> => {
    const owner = ownerOf(number)
    const { current } = owner
    if (current === undefined) return
    publish(number, Number.POSITIVE_INFINITY)
    await attempt(owner, async () => {
      await current.work.save?.()
      owner.current = undefined
      owner.position = current.end
      if (commits) committed = Math.max(committed, current.end)
    })
  }
  return {
    routing,
    storage,
    presence,
    errors,
    append,
    serve,
    begin,
    publish,
    finish,
    restart: (number) => Object.assign(ownerOf(number), { worker: make(), position: committed, current: undefined }),
    settle: async (number) => {
      const owner = ownerOf(number)
      for (let rounds = 0; owner.position < log.length || stored.length > 0; rounds++) {
        if (rounds > 1_000) throw new Error('an owner alone gets nowhere')
        serve()
        await begin(number, 2)
        await finish(number, true)
      }
    },
  }
}

/** Outputs in the order they are published, with their causes. */
function ordered(outputs: readonly Output[]): Output[] {
  const emissions = new Map<Input, number>()
  const numbered = outputs.map((output): Output => {
    const { offset, index } = output.cause.place
    const emission = output.isQuestion === true ? maxEmissions : (emissions.get(output.cause) ?? 0)
    emissions.set(output.cause, emission + 1)
    const cause = { inbox: 1, partition: 0, offset, index: causeIndex(index, emission) }
    return { ...output, envelope: { ...output.envelope, cause } }
  })
  return (['routing', 'session', 'storage'] as const).flatMap((to) => numbered.filter((output) => output.to === to))
}
