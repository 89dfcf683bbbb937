import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BareJid } from '@starling/jid'
import fc from 'fast-check'
import { type Session, World } from './testing/world.ts'

const accounts = ['juliet@example.net' as BareJid, 'nurse@example.net' as BareJid] as const
const slots = 2
type Step = readonly [kind: number, one: number, other: number]

/** Faults by a number: a crash while publishing, while saving, before the commit. */
const faultOf = (number: number) =>
  [{ published: number % 5 }, { saved: number % 3 }, { isUncommitted: true }, { published: 0 }][number % 4] ?? {}

async function take(world: World, [kind, one, other]: Step): Promise<void> {
  const account = accounts[one % accounts.length] as BareJid
  const slot = 1 + (other % slots)
  const session: Session | undefined = world.sessions[one % Math.max(1, world.sessions.length)]
  switch (kind) {
    case 0:
      return void (world.sessions.length < 4 && world.bind(account, slot))
    case 1:
    case 2:
    case 3:
      return world.send(account, other % 4 === 0)
    case 4:
      return session && (await world.acknowledge(session, 1 + (other % 3)))
    case 5:
      return session && world.disconnect(session)
    case 6:
    case 7:
      return session && world.resume(session, slot)
    case 8:
      return session && other % 3 === 0 ? world.end(session) : undefined
    case 9:
      return world.podDies(slot)
    case 10:
      return world.stop(one)
    case 11:
      return world.wake(other % 2 === 0 ? {} : faultOf(one))
    case 12:
    case 13:
    case 14:
      return void (await world.work(one, faultOf(other)))
    default:
      return void (await world.work(one))
  }
}

/** Everything is worked off; whoever may goes on with the session and reads what is left; then all sessions end. */
async function settle(world: World, resumes: number): Promise<void> {
  const workAll = async () => {
    while (world.hasMore) assert.ok(await world.work(7))
  }
  await workAll()
  await world.wake({})
  await workAll()
  for (const [number, session] of [...world.sessions].entries()) {
    if (((resumes >> number) & 1) === 1) world.resume(session, 1)
  }
  await workAll()
  for (const session of [...world.sessions]) {
    await world.acknowledge(session, 1_000)
    world.end(session)
  }
  await workAll()
}

/** Acknowledged between publishing and saving, to a pod that dies after the save. */
const acknowledgedEarly: Step[] = [
  [0, 0, 0],
  [1, 0, 0],
  [12, 11, 28],
  [4, 0, 0],
  [15, 27, 0],
  [9, 0, 0],
]

/** An owner works past where the next has saved, and wakes: a session that began and ended in between was saved by the next. */
const savedBetween: Step[] = [
  [0, 0, 0],
  [8, 0, 0],
  [10, 4, 0],
  [12, 26, 5],
  [1, 0, 0],
  [0, 0, 0],
  [11, 0, 0],
]

describe('R3, R4, R6: whatever dies and whatever comes again', () => {
  it('each delivery comes once, in order; at a session’s end what is unacknowledged goes on, once', async () => {
    const step = fc.tuple(fc.nat(19), fc.nat(99), fc.nat(99))
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 150, size: 'max' }),
        fc.nat(15),
        async (steps, resumes) => {
          const world = new World()
          for (const one of steps) await take(world, one)
          await settle(world, resumes)
          assert.deepEqual(world.bugs, [])
          const offline = [...world.offline.values()]
          assert.equal(new Set(offline).size, offline.length, 'offline once')
          for (const body of world.sent) {
            const where = [world.acknowledged.has(body), offline.includes(body)]
            const times = where.filter(Boolean).length
            assert.ok(
              times === 1 || (times === 2 && world.unsure.has(body)),
              `${body}: acknowledged, offline: ${where}`,
            )
          }
        },
      ),
      { numRuns: 500, examples: [acknowledgedEarly, savedBetween].map((steps) => [steps, 0]) },
    )
  })
})
