import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StateKind } from '@starling/core'
import { type Growth, growthOf, picker, startInfrastructure } from '@starling/testkit'
import { type FilledRedis, filledRedis } from '../testing/filled-redis.ts'
import { fieldsOf, messageBytes, queue } from './sample-session.ts'

const sizes = [1_000, 1_000_000]
const callsPerTurn = 20
const batchSizes = [1, 20]

/** What Redis and its caller do for a sign-in and a message with 1,000 and with 1,000,000 sessions. Units: µs an account. */
export async function bench(): Promise<readonly Growth[]> {
  const directory = await mkdtemp(join(tmpdir(), 'starling-bench-'))
  const ends: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })]
  try {
    const sides: Side[] = []
    let mark = 2_000_000
    for (const sessions of sizes) {
      const server = await startInfrastructure({ directory: join(directory, String(sessions)), redis: true })
      ends.unshift(server.stop)
      const filled = await filledRedis(server.urls.redis, sessions)
      ends.unshift(filled.close)
      sides.push({ filled, pid: server.redis?.pid ?? 0, nextMark: () => ++mark })
    }
    const [small, large] = sides
    if (small === undefined || large === undefined) throw new Error('no servers')
    const held = { value: large.filled.bytesEach, unit: `B (of 1,000: ${Math.round(small.filled.bytesEach)} B)` }
    const figures: Growth[] = [{ name: 'a session, all in, of 1,000,000', ...held }]
    for (const [label, call] of calls()) {
      for (const size of batchSizes) {
        for (const who of ['Redis', 'caller'] as const) {
          const name = `${label}, ${size} a pipeline: ${who}`
          const [from, to] = [small, large].map((side) => turn(side, call, { size, who }))
          if (from !== undefined && to !== undefined)
            figures.push(await growthOf({ name, unit: 'µs', small: from, large: to }))
        }
      }
    }
    return figures
  } finally {
    for (const end of ends) await end()
  }
}

interface Side {
  readonly filled: FilledRedis
  readonly pid: number
  /** Marks rise, whatever the call. */
  readonly nextMark: () => number
}

/** A call for sessions by their places; `mark` rises from call to call. */
type Call = (filled: FilledRedis, places: readonly number[], mark: number) => Promise<unknown>

function turn(
  side: Side,
  call: Call,
  of: { readonly size: number; readonly who: 'Redis' | 'caller' },
): () => Promise<number> {
  const { filled, pid } = side
  const pick = picker(of.size)
  return async () => {
    const batches = Array.from({ length: callsPerTurn }, () => [
      ...new Set(Array.from({ length: of.size }, () => pick(filled.sessions))),
    ])
    const used = (): number => (of.who === 'Redis' ? cpuUs(pid) : ownUs())
    const from = used()
    for (const places of batches) await call(filled, places, side.nextMark())
    return (used() - from) / batches.reduce((sum, { length }) => sum + length, 0)
  }
}

/** What a sign-in asks of presence, and a message to a client with stream management, its stages knowing nothing of the account yet. */
function calls(): readonly (readonly [string, Call])[] {
  const read =
    (kind: StateKind): Call =>
    ({ presence, account }, places) =>
      presence.readStates(kind, places.map(account))
  const save =
    (kind: StateKind): Call =>
    ({ presence, account }, places, mark) =>
      presence.saveStates(
        kind,
        places.map((place) => ({ account: account(place), mark, set: fieldsOf[kind], remove: [] })),
      )
  const bytes = new Uint8Array(messageBytes).fill(7)
  return [
    [
      'sign-in: generation',
      ({ presence, account }, places) => Promise.all(places.map((at) => presence.takeGeneration(account(at)))),
    ],
    ['sign-in: session state read', read('session')],
    ['sign-in: session state saved', save('session')],
    ['sign-in: routing state saved', save('routing')],
    [
      'sign-in: roll',
      ({ presence, account, lifeOf }, places, mark) =>
        presence.enlist(
          lifeOf(places[0] ?? 0),
          places.map((at) => `${mark} ${account(at)}`),
        ),
    ],
    ['message: routing state read', read('routing')],
    [
      'message: kept with the routing state, and trimmed',
      async ({ presence, account }, places, mark) => {
        const change = { queue, append: [{ ordinal: mark, bytes }] }
        const common = { mark, set: new Map(), remove: [], queues: [change] }
        await presence.saveStates(
          'routing',
          places.map((place) => ({ account: account(place), ...common })),
        )
        await presence.trimQueues(places.map((place) => ({ account: account(place), queue, ordinal: mark })))
      },
    ],
  ]
}

/** Processor that a process' first thread has used. Units: µs. Source: /proc/PID/schedstat. */
function cpuUs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1000
}

function ownUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
