import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { localpartOf } from '@starling/jid'
import fc from 'fast-check'
import { assertAgreement } from './testing/agreement.ts'
import type { Client } from './testing/client.ts'
import { createWorld, type World, type ZombieWorks } from './testing/world.ts'

const names = ['romeo', 'juliet'] as const

const presences = fc.constantFrom('<presence/>', "<presence type='unavailable'/>")
const subscriptions = fc
  .tuple(fc.constantFrom('subscribe', 'subscribed', 'unsubscribe', 'unsubscribed'), fc.constantFrom(...names))
  .map(([type, name]) => `<presence type='${type}' to='${name}@example.org'/>`)
const rosterSets = fc
  .constantFrom(...names)
  .map((name) => `<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='${name}@example.org'/></query></iq>`)
const messages = fc.constant("<message to='juliet@example.org'/>")

const zombie = fc.constantFrom<ZombieWorks | undefined>(undefined, 'before', 'overlapping', 'torn', 'after')

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ who: fc.nat(1), stanza: fc.oneof(presences, subscriptions, rosterSets, messages) }),
  },
  { weight: 2, arbitrary: fc.record({ resumes: fc.nat(1), hasDropped: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ crashAfter: fc.nat(14) }) },
  { weight: 2, arbitrary: fc.record({ zombie, isWarm: fc.boolean(), batch: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.constant('run' as const) },
  { weight: 1, arbitrary: fc.constant('takeOver' as const) },
  { weight: 1, arbitrary: fc.record({ perRecord: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ cuts: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }) }),
  },
)

type Disturbance =
  | 'run'
  | 'takeOver'
  | { readonly crashAfter: number }
  | { readonly perRecord: number }
  | { readonly cuts: readonly number[] }
  | { readonly zombie: ZombieWorks | undefined; readonly isWarm: boolean; readonly batch: number }

async function disturb(world: World, how: Disturbance): Promise<void> {
  if (how === 'run') await world.run()
  else if (how === 'takeOver') world.takeOver()
  else if ('crashAfter' in how) world.crashAfter = how.crashAfter
  else if ('perRecord' in how) world.perRecord = how.perRecord
  else if ('cuts' in how) world.cuts = how.cuts
  else {
    world.zombie = how.zombie
    world.isZombieWarm = how.isWarm
    world.zombieBatch = how.batch
  }
}

/** A client that resumes, and everything it sent in its session. */
interface Resuming {
  client: Client
  readonly stanzas: string[]
}

/** Goes on with the session on a new connection: all that stands in the log before is counted. Source: XEP-0198 §5. */
async function resume(world: World, one: Resuming, hasDropped: boolean): Promise<void> {
  const { client, stanzas } = one
  const smId = world.routing.smIds.get(client.connection) ?? ''
  if (hasDropped) await client.drop('lost')
  const again = await world.resume(localpartOf(client.jid), { smId })
  assert.ok(again !== undefined)
  // R5: what the old connection still sends is neither counted nor handled
  client.queue("<message id='late' to='juliet@example.org'/>")
  const { count = 0 } = world.routing.resumed.get(again.connection) ?? {}
  assert.equal(count, stanzas.length)
  one.client = again
}

/** However often routing is told of a resumption, it is told the same. */
function assertSameCounts(world: World): void {
  const told = new Map<number, number>()
  for (const state of world.routing.states) {
    if (state.change !== 'resumed') continue
    const { connection } = state.target
    assert.equal(told.get(connection) ?? state.count, state.count)
    told.set(connection, state.count)
  }
}

describe('R3 owners that die between any two effects, and owners that do not know they are none any more', () => {
  it('lose no message, repeat none, keep the order of each sender, and leave both sides of a subscription in agreement', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const world = createWorld(names)
        const head = { sm: { maxSeconds: 300 } }
        const clients: Resuming[] = [
          { client: await world.connect('romeo', 'a', { head }), stanzas: [] },
          { client: await world.connect('juliet', 'b', { head }), stanzas: [] },
        ]
        const sent: string[][] = [[], []]
        for (const [index, one] of steps.entries()) {
          if (typeof one !== 'string' && 'resumes' in one) {
            const resuming = clients[one.resumes]
            if (resuming !== undefined) await resume(world, resuming, one.hasDropped)
            continue
          }
          if (typeof one === 'string' || !('who' in one)) {
            await disturb(world, one)
            continue
          }
          if (one.stanza.startsWith('<message')) sent[one.who]?.push(`m${index}`)
          const stanza = one.stanza.replace('<message', `<message id='m${index}'`)
          clients[one.who]?.stanzas.push(stanza)
          clients[one.who]?.client.queue(stanza)
        }
        await world.run()
        assert.deepEqual(world.errors, [])
        assertAgreement(world, names)
        assertSameCounts(world)
        for (const [who, { client }] of clients.entries()) {
          const ids = world.routing.messages.filter(({ from }) => from === client.jid).map(({ id }) => id)
          assert.deepEqual(ids, sent[who])
        }
      }),
      { numRuns: 200 },
    )
  })
})
