import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { localpartOf } from '@starling/jid'
import fc from 'fast-check'
import { assertAgreement } from './testing/agreement.ts'
import type { Client } from './testing/client.ts'
import { createWorld, type World } from './testing/world.ts'

const names = ['romeo', 'juliet', 'nurse'] as const

type Action =
  | { readonly does: 'send'; readonly who: number; readonly stanza: string }
  | { readonly does: 'connect'; readonly who: number; readonly resource: string }
  | { readonly does: 'drop'; readonly who: number; readonly reason: string }
  | { readonly does: 'enable' | 'answered' | 'expire'; readonly who: number }
  | { readonly does: 'resume'; readonly who: number; readonly generation: number | undefined }
  | { readonly does: 'takeOver' | 'run' }
  | { readonly does: 'hold' | 'release' }
  | { readonly does: 'pack'; readonly envelopes: number }

const address = fc.constantFrom(
  ...names.flatMap((name) => [`${name}@example.org`, `${name}@example.org/a`]),
  'nobody@example.org',
  'example.org',
  'example.org/x',
  'far@elsewhere.example',
)
const to = fc.oneof(
  { weight: 1, arbitrary: fc.constant('') },
  { weight: 4, arbitrary: address.map((jid) => ` to='${jid}'`) },
)
const bareTo = fc.constantFrom(...names).map((name) => ` to='${name}@example.org'`)
const rosterSet = fc
  .tuple(fc.constantFrom(...names, 'far'), fc.constantFrom('', " subscription='remove'", " name='n'"))
  .map(([name, more]) => `<query xmlns='jabber:iq:roster'><item jid='${name}@example.org'${more}/></query>`)
const stanza = fc.oneof(
  fc
    .tuple(fc.constantFrom('subscribe', 'subscribed', 'unsubscribe', 'unsubscribed'), fc.oneof(bareTo, to))
    .map(([type, where]) => `<presence type='${type}'${where}/>`),
  fc
    .tuple(fc.constantFrom('', " type='unavailable'", " type='probe'", " type='error'"), to)
    .map(([type, where]) => `<presence${type}${where}/>`),
  fc.constantFrom('<presence/>', "<presence type='unavailable'/>", '<presence><priority>-1</priority></presence>'),
  fc
    .tuple(fc.constantFrom('chat', 'error', 'headline', 'normal'), to)
    .map(([type, where]) => `<message type='${type}'${where}/>`),
  fc
    .tuple(fc.constantFrom('get', 'set'), to, fc.oneof(rosterSet, fc.constant("<q xmlns='x'/>")))
    .map(([type, where, payload]) => `<iq type='${type}' id='i'${where}>${payload}</iq>`),
  fc.tuple(fc.constantFrom('result', 'error'), to).map(([type, where]) => `<iq type='${type}' id='i'${where}/>`),
)
const who = fc.nat({ max: 5 })
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ does: fc.constant('send' as const), who, stanza }) },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant('connect' as const), who, resource: fc.constantFrom('a', 'b', '') }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('run' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('drop' as const), who, reason: fc.constantFrom('closed', 'lost') }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constantFrom('enable' as const, 'enable' as const, 'answered' as const, 'expire' as const),
      who,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('resume' as const), who, generation: fc.constantFrom(undefined, 1) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constantFrom('takeOver' as const, 'hold' as const, 'release' as const) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant('pack' as const), envelopes: fc.integer({ min: 1, max: 5 }) }),
  },
)

async function play(world: World, actions: readonly Action[]): Promise<void> {
  const clients: Client[] = []
  const one = (index: number): Client | undefined => clients[index % Math.max(1, clients.length)]
  for (const step of actions) {
    switch (step.does) {
      case 'connect':
        clients.push(await world.connect(names[step.who % names.length] ?? 'romeo', step.resource))
        break
      case 'send':
        one(step.who)?.queue(step.stanza)
        break
      case 'drop':
        await one(step.who)?.drop(step.reason)
        break
      case 'enable':
        one(step.who)?.queueEnable()
        break
      case 'answered':
        one(step.who)?.queueAnswered()
        break
      case 'expire':
        one(step.who)?.queueExpire()
        break
      case 'resume': {
        const client = one(step.who)
        if (client === undefined) break
        const smId = world.routing.smIds.get(client.connection) ?? 'none'
        const { generation } = step
        const resumed = await world.resume(localpartOf(client.jid), {
          smId,
          ...(generation === undefined ? {} : { generation }),
        })
        if (resumed !== undefined) clients.push(resumed)
        break
      }
      case 'run':
        await world.run()
        break
      case 'takeOver':
        world.takeOver()
        break
      case 'hold':
        world.isStorageHeld = true
        break
      case 'release':
        world.isStorageHeld = false
        break
      case 'pack':
        world.perRecord = step.envelopes
        break
      default:
        step satisfies never
    }
  }
  world.isStorageHeld = false
  await world.run()
}

/** What routing is told of each session is a life: bound, then hibernated and resumed in turn, ended at most once. */
function assertOneEnd(world: World): void {
  const alive = new Map<string, string>()
  for (const state of world.routing.states) {
    if (!('resource' in state)) continue
    const name = `${state.key}/${state.resource}`
    const { change } = state
    if (change === 'bound') assert.equal(alive.get(name), undefined)
    else assert.notEqual(alive.get(name), undefined, `${change} of a session that is not there`)
    if (change === 'hibernated') assert.equal(alive.get(name), 'connected')
    if (change === 'ended') alive.delete(name)
    else if (change === 'hibernated') alive.set(name, change)
    else if (change === 'bound' || change === 'resumed') alive.set(name, 'connected')
  }
}

const start: readonly Action[] = [0, 1, 2].map((index) => ({ does: 'connect', who: index, resource: 'a' }))

describe('the session stage, whatever comes', () => {
  it('R3, R10: nothing throws, replays give the same or nothing, and both sides of every subscription agree in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 60 }), async (actions) => {
        const world = createWorld(names)
        world.isParanoid = true
        await play(world, [...start, ...actions])
        assert.deepEqual(world.errors, [])
        assertAgreement(world, names)
        assertOneEnd(world)
      }),
      { numRuns: 150 },
    )
  })

  it('RFC 6120 §8.2.3: every request to the server is answered exactly once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), stanza, async (actions, last) => {
        const world = createWorld(names)
        await play(world, [...start, ...actions])
        const client = await world.connect('romeo', 'last')
        client.heard()
        const request = last.replace("id='i'", "id='last'")
        await client.send(request)
        const isAnswered = /^<iq type='[gs]et'/.test(request) && !/ to='[^']*@example.org\//.test(request)
        const answers = client.heard().filter((xml) => /^<iq type='(result|error)'[^>]* id='last'/.test(xml))
        assert.equal(answers.length, isAnswered ? 1 : 0, request)
      }),
      { numRuns: 150 },
    )
  })
})
