import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defineModule, pass } from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { Envelope } from '@starling/wire'
import type { Client } from './testing/client.ts'
import { createWorld, type World } from './testing/world.ts'

const key = 'romeo@example.org' as BareJid
const message = "<message to='juliet@example.org'/>"

/** Romeo with stream management on, whose desk hears of his presence. */
async function managed(maxSeconds = 300): Promise<{ world: World; romeo: Client; desk: Client; smId: string }> {
  const world = createWorld(['romeo', 'juliet'])
  const desk = await world.connect('romeo', 'desk')
  const romeo = await world.connect('romeo', 'orchard')
  romeo.queueEnable(maxSeconds)
  for (const client of [desk, romeo]) await client.send('<presence/>')
  for (const client of [desk, romeo]) client.heard()
  return { world, desk, romeo, smId: world.routing.smIds.get(romeo.connection) ?? '' }
}

/** Changes of sessions that routing was told of, the others left out. */
const changes = (world: World, from = 0): readonly string[] =>
  world.routing.states.slice(from).map(({ change }) => change)
const unavailable = (client: Client): number =>
  client.heard().filter((xml) => xml.includes("type='unavailable'") && xml.includes('/orchard')).length
const ids = (world: World): readonly string[] => world.routing.messages.map(({ id }) => id)

describe('XEP-0198 §3 enabling', () => {
  it('is told to routing as a record, with an SM-ID and for how long', async () => {
    const { world, romeo, smId } = await managed(60)
    assert.notEqual(smId, '')
    const state = world.routing.states.find(({ change }) => change === 'enabled')
    const { target } = romeo
    assert.deepEqual(state, { change: 'enabled', key, resource: 'orchard', target, smId, maxSeconds: 60 })
  })

  it('only once: a second one changes nothing, and neither does one of nobody', async () => {
    const { world, romeo } = await managed()
    const before = world.routing.states.length
    romeo.queueEnable(1)
    world.append({ kind: 'enable', key, atMs: 1, target: { ...romeo.target, connection: 99 }, head: { maxSeconds: 1 } })
    await world.run()
    assert.equal(world.routing.states.length, before)
    assert.deepEqual(world.errors, [])
  })

  it('R3: the SM-ID is the same wherever in the inbox the request is handled in the end', async () => {
    const smIds: unknown[] = []
    for (const isParked of [false, true]) {
      const world = createWorld(['romeo'])
      const romeo = await world.connect('romeo', 'orchard')
      if (isParked) {
        world.takeOver()
        romeo.queue('<presence/>')
      }
      romeo.queueEnable()
      await world.run()
      smIds.push(world.routing.smIds.get(romeo.connection))
    }
    assert.equal(smIds[0], smIds[1])
    assert.notEqual(smIds[0], undefined)
  })

  it('two connections have two SM-IDs', async () => {
    const { world, smId } = await managed()
    const other = await world.connect('romeo', 'street')
    other.queueEnable()
    await world.run()
    assert.notEqual(world.routing.smIds.get(other.connection), smId)
  })
})

describe('XEP-0198 §5 resumption', () => {
  it('the session goes on: count, ordinals, resource and presence are kept, the language is the new stream’s', async () => {
    const { world, romeo, desk, smId } = await managed()
    await romeo.send(message)
    await romeo.drop('lost')
    const again = await world.resume('romeo', { smId, h: 3 })
    assert.equal(again?.jid, romeo.jid)
    const { key: _, ...state } = world.routing.states.at(-1) ?? { key }
    assert.deepEqual(state, {
      change: 'resumed',
      resource: 'orchard',
      smId,
      target: again?.target,
      old: romeo.target,
      h: 3,
      count: 2,
      ordinal: 2,
      maxSeconds: 300,
    })
    assert.deepEqual(desk.heard(), [])
    assert.match(Buffer.from(world.presence.states.get(key)?.fields.get('r:orchard') ?? []).toString(), /"de"/)
    await again?.send(message)
    assert.equal(world.routing.messages.length, 2)
  })

  it('§4: `h` counts from <enable/> on, not what came before it', async () => {
    const world = createWorld(['romeo', 'juliet'])
    const romeo = await world.connect('romeo', 'orchard')
    for (let n = 0; n < 3; n++) romeo.queue(message)
    romeo.queueEnable()
    romeo.queue(message)
    await romeo.drop('lost')
    const again = await world.resume('romeo', { smId: world.routing.smIds.get(romeo.connection) ?? '' })
    assert.deepEqual(again?.heard(), ["<resumed h='1'/>"])
    assert.equal(world.routing.resumed.get(again?.connection ?? 0)?.ordinal, 4)
  })

  it('§4: `h` begins again at 0 after 2^32 - 1', async () => {
    const { world, romeo, smId } = await managed()
    const state = world.presence.states.get(key)
    const stored = JSON.parse(Buffer.from(state?.fields.get('r:orchard') ?? []).toString('utf8')) as number[]
    stored[4] = 2 ** 32 + 4
    state?.fields.set('r:orchard', Buffer.from(JSON.stringify(stored)))
    await romeo.drop('lost')
    const again = await world.resume('romeo', { smId })
    assert.deepEqual(again?.heard(), ["<resumed h='4'/>"])
    assert.equal(world.routing.resumed.get(again?.connection ?? 0)?.ordinal, 2 ** 32 + 4)
  })

  it('the old stream that is still open ends with conflict, before routing hears of the new one', async () => {
    const { world, romeo, smId } = await managed()
    const before = world.routing.states.length
    await world.resume('romeo', { smId })
    assert.deepEqual(romeo.heard(), ['<conflict/>'])
    assert.deepEqual(changes(world, before), ['kicked', 'resumed'])
  })

  it('a hibernating session has no stream to end', async () => {
    const { world, romeo, smId } = await managed()
    const before = world.routing.states.length
    await romeo.drop('lost')
    await world.resume('romeo', { smId })
    assert.deepEqual(changes(world, before), ['hibernated', 'resumed'])
  })

  it('R5: what the old connection still sends is dropped and not counted, its drop does nothing', async () => {
    const { world, romeo, smId } = await managed()
    const again = await world.resume('romeo', { smId })
    romeo.queue("<message id='late' to='juliet@example.org'/>")
    romeo.queueAnswered("<iq type='error' id='late' to='romeo@example.org/orchard'/>")
    await romeo.drop('closed')
    again?.queue("<message id='here' to='juliet@example.org'/>")
    await world.run()
    assert.deepEqual(ids(world), ['here'])
    assert.deepEqual(again?.heard(), ["<resumed h='1'/>"])
  })

  it('R5: refused unless its generation is above the session’s: of two at once one wins', async () => {
    for (const order of [
      [50, 51],
      [51, 50],
    ]) {
      const { world, romeo, smId } = await managed()
      await romeo.drop('lost')
      const clients = []
      for (const generation of order) clients.push(await world.resume('romeo', { smId, generation }))
      const winner = clients[order.indexOf(51)]
      await clients[order.indexOf(50)]?.send("<message id='50' to='juliet@example.org'/>")
      await winner?.send("<message id='51' to='juliet@example.org'/>")
      assert.deepEqual(ids(world), ['51'])
    }
  })

  it('a refusal says the count of a session that is known, and nothing of one that is not', async () => {
    const { world, romeo, smId } = await managed()
    const refused = [
      { smId, generation: 1 },
      { smId: 'none', generation: 99 },
    ]
    for (const options of refused) assert.equal(await world.resume('romeo', options), undefined)
    const heard = world.routing.states.flatMap((state) => (state.change === 'resumeRefused' ? [state.h] : []))
    assert.deepEqual(heard, [1, undefined])
    await romeo.send(message)
    assert.equal(world.routing.messages.length, 1)
  })

  it('the SM-ID of another account’s session is none', async () => {
    const { world, smId } = await managed()
    await world.connect('juliet', 'balcony')
    assert.equal(await world.resume('juliet', { smId, generation: 99 }), undefined)
  })

  it('without `resume` at <enable/> there is none, and the session ends with its connection', async () => {
    const { world, romeo, smId } = await managed(0)
    assert.equal(await world.resume('romeo', { smId }), undefined)
    await romeo.drop('lost')
    assert.equal(changes(world).at(-1), 'ended')
  })

  it('the same record twice does nothing the second time', async () => {
    const { world, romeo, smId } = await managed()
    await romeo.drop('lost')
    const head = { smId, h: 0, generation: 77, lang: '' }
    const resume: Envelope = { kind: 'resume', key, atMs: 1, target: { slot: 2, epoch: 1, connection: 5 }, head }
    for (let times = 0; times < 3; times++) world.append(resume)
    await world.run()
    assert.equal(changes(world).filter((change) => change.startsWith('resume')).length, 1)
  })

  it('a connection that has a session already cannot take another', async () => {
    const { world, desk, smId } = await managed()
    const head = { smId, h: 0, generation: 77, lang: '' }
    world.append({ kind: 'resume', key, atMs: 1, target: desk.target, head })
    await world.run()
    assert.equal(changes(world).at(-1), 'resumeRefused')
  })

  it('asks storage nothing, even of an owner that knows no roster', async () => {
    const { world, romeo, smId } = await managed()
    await romeo.drop('lost')
    world.takeOver()
    world.isStorageHeld = true
    world.published.length = 0
    const again = await world.resume('romeo', { smId })
    assert.notEqual(again, undefined)
    assert.deepEqual(
      world.published.map(({ to }) => to),
      ['routing'],
    )
  })

  it('waits behind what waits for the roster, and counts that', async () => {
    const { world, romeo, smId } = await managed()
    world.takeOver()
    world.isStorageHeld = true
    romeo.queue('<presence/>')
    romeo.queue(message)
    await romeo.drop('lost')
    assert.equal(await world.resume('romeo', { smId }), undefined)
    world.isStorageHeld = false
    await world.run()
    assert.equal(world.routing.states.findLast(({ change }) => change === 'resumed')?.change, 'resumed')
    assert.deepEqual(
      [...world.routing.resumed.values()].map(({ count }) => count),
      [3],
    )
  })

  it('R10: a handler that throws at a stanza leaves it counted', async () => {
    const bad = defineModule({
      spec: { id: 'XEP-9999', name: 'Test', version: '1', status: 'complete' },
      name: 'test',
      on: {
        'session.sent': {
          guard: (stanza) => {
            if (stanza.id === 'bad') throw new Error('a bug')
            return pass()
          },
        },
      },
    })
    const world = createWorld(['romeo', 'juliet'], { modules: [bad] })
    const romeo = await world.connect('romeo', 'orchard', { head: { sm: { maxSeconds: 300 } } })
    romeo.queue("<message id='bad' to='juliet@example.org'/>")
    await romeo.drop('lost')
    const again = await world.resume('romeo', { smId: world.routing.smIds.get(romeo.connection) ?? '' })
    assert.deepEqual(again?.heard(), ["<resumed h='1'/>"])
  })
})

describe('R5 answered: stanzas that the pod dealt with', () => {
  it('are counted, and the answer goes the way of all that the client receives', async () => {
    const { world, romeo } = await managed()
    romeo.queueAnswered("<iq type='error' id='x' to='romeo@example.org/orchard'/>")
    romeo.queueAnswered()
    await romeo.send(message)
    assert.equal(world.routing.messages.length, 1)
    const [delivered] = world.published.flatMap(({ envelope }) =>
      envelope.kind === 'deliver' && envelope.stanza.id === 'x' ? [envelope] : [],
    )
    assert.deepEqual(delivered?.head, { isOwn: true, resource: 'orchard' })
    assert.equal(romeo.heard().length, 1)
  })

  it('out of order they are dropped', async () => {
    const { world, romeo } = await managed()
    for (const ordinal of [1, 3]) {
      world.append({ kind: 'answered', key, atMs: 1, target: romeo.target, ordinal })
    }
    await romeo.send(message)
    assert.equal(world.routing.messages.length, 1)
  })
})

describe('R6 hibernation', () => {
  it('XEP-0198 §7: a stream that was not closed leaves its session, as available as it was', async () => {
    const { world, romeo, desk } = await managed()
    for (const reason of ['lost', 'timeout', 'pod-died']) await romeo.drop(reason)
    assert.deepEqual(changes(world).slice(-1), ['hibernated'])
    assert.equal(unavailable(desk), 0)
    const young = await world.connect('romeo', 'young')
    await young.send('<presence/>')
    assert.ok(young.heard().some((xml) => xml.includes('/orchard')))
  })

  it('XEP-0198 §7: a closed stream ends it, also one whose connection was thought lost before', async () => {
    for (const reasons of [['closed'], ['pod-died', 'closed']]) {
      const { romeo, desk } = await managed()
      for (const reason of reasons) await romeo.drop(reason)
      assert.equal(unavailable(desk), 1)
    }
  })

  it('its end is noted under the connection’s name, before the state is saved', async () => {
    const { world, romeo } = await managed(60)
    romeo.queue(message)
    world.append({ kind: 'drop', key, atMs: 5000, target: romeo.target, head: { reason: 'lost' } })
    await world.run()
    assert.deepEqual([...world.presence.hibernations], [[`1 7 ${romeo.connection} romeo@example.org`, 65_000]])
    world.append({ kind: 'drop', key, atMs: 9000, target: romeo.target, head: { reason: 'pod-died' } })
    await world.run()
    assert.deepEqual([...world.presence.hibernations.values()], [65_000])
  })

  it('R3: what cannot be noted is not saved, so that the record is handled again', async () => {
    const { world, romeo } = await managed()
    const before = world.presence.states.get(key)?.mark
    Object.assign(world.presence.port, { noteHibernations: () => Promise.reject(new Error('away')) })
    await assert.rejects(romeo.drop('lost'), /away/)
    assert.equal(world.presence.states.get(key)?.mark, before)
  })

  it('what a pod that woke late sends is dropped and not counted', async () => {
    const { world, romeo, smId } = await managed()
    await romeo.drop('pod-died')
    await romeo.send(message)
    const again = await world.resume('romeo', { smId })
    assert.deepEqual([again?.heard(), world.routing.messages.length], [["<resumed h='1'/>"], 0])
  })

  it('expire ends it: contacts hear unavailable, once, however often it comes', async () => {
    const { world, romeo, desk, smId } = await managed()
    await romeo.drop('lost')
    world.takeOver()
    for (let times = 0; times < 3; times++) romeo.queueExpire()
    await world.run()
    assert.equal(unavailable(desk), 1)
    assert.equal(changes(world).filter((change) => change === 'ended').length, 1)
    assert.equal(await world.resume('romeo', { smId }), undefined)
    assert.deepEqual(world.errors, [])
  })

  it('expire does nothing if a resume came first, nor to a session that has its connection', async () => {
    const { world, romeo, smId } = await managed()
    romeo.queueExpire()
    await romeo.drop('lost')
    const again = await world.resume('romeo', { smId })
    romeo.queueExpire()
    again?.queueExpire()
    await world.run()
    assert.equal(changes(world).at(-1), 'resumed')
    await again?.drop('lost')
    romeo.queueExpire()
    await world.run()
    assert.equal(changes(world).at(-1), 'hibernated')
    again?.queueExpire()
    await world.run()
    assert.equal(changes(world).at(-1), 'ended')
  })

  it('the account keeps its state while all its sessions hibernate, and blank it is after the last', async () => {
    const world = createWorld(['romeo'])
    const romeo = await world.connect('romeo', 'orchard', { head: { sm: { maxSeconds: 300 } } })
    await romeo.drop('lost')
    assert.deepEqual([...(world.presence.states.get(key)?.fields.keys() ?? [])].sort(), ['@', 'r:orchard'])
    romeo.queueExpire()
    await world.run()
    assert.equal(world.presence.states.get(key)?.fields.size, 0)
  })

  it('a changed password ends it as all others, with nothing said to a stream that is not there', async () => {
    const { world, romeo, smId } = await managed()
    await romeo.drop('lost')
    world.append({ kind: 'accountChanged', key, atMs: 1, head: { change: 'credentials' } })
    await world.run()
    assert.equal(await world.resume('romeo', { smId }), undefined)
    assert.ok(
      world.routing.states.every((state) => state.change !== 'kicked' || state.target.connection !== romeo.connection),
    )
    assert.ok(!romeo.heard().includes('<reset/>'))
  })
})

describe('binding beside sessions with stream management', () => {
  it('RFC 6120 §7.7.2.2: a bind of a hibernating session’s resource ends that session', async () => {
    const { world, romeo, smId } = await managed()
    await romeo.drop('lost')
    const before = world.routing.states.length
    await world.connect('romeo', 'orchard')
    assert.deepEqual(changes(world, before), ['updated', 'ended', 'settings', 'bound'])
    assert.equal(await world.resume('romeo', { smId }), undefined)
  })

  it('R7: a pod that speaks from a new life leaves the sessions of the one before hibernating', async () => {
    const { world, romeo, smId } = await managed()
    await world.connect('romeo', 'street', { epoch: 8 })
    assert.equal(world.routing.states.find((state) => state.change === 'hibernated')?.change, 'hibernated')
    assert.ok(world.presence.hibernations.has(`1 7 ${romeo.connection} romeo@example.org`))
    const ended = world.routing.states.flatMap((state) => (state.change === 'ended' ? [state.resource] : []))
    assert.deepEqual(ended, ['desk']) // which has no stream management
    assert.notEqual(await world.resume('romeo', { smId }), undefined)
  })

  it('R7: one that hibernated already is not told again, nor kept for longer', async () => {
    const { world, romeo } = await managed(60)
    await romeo.drop('lost')
    const before = [...world.presence.hibernations]
    const target = { slot: 1, epoch: 8, connection: 70 }
    const head = { resource: 'street', iqId: 'b', generation: 70, lang: '' }
    world.append({ kind: 'bind', key, atMs: 99_000, target, head })
    await world.run()
    assert.deepEqual([...world.presence.hibernations], before)
    assert.equal(changes(world).filter((change) => change === 'hibernated').length, 1)
  })

  it('RFC 6120 §7.6.2.1: when resources are full, the oldest hibernating session makes room, and none else', async () => {
    const world = createWorld(['romeo'], { limits: { maxResources: 3 } })
    const head = { sm: { maxSeconds: 300 } }
    const clients = []
    for (const [resource, generation] of [
      ['a', 6],
      ['b', 5],
      ['c', 7],
    ] as const) {
      clients.push(await world.connect('romeo', resource, { head, generation }))
    }
    const [a, b] = clients
    await a?.drop('lost')
    await b?.drop('lost')
    await world.connect('romeo', 'd', { generation: 8 })
    await world.connect('romeo', 'e', { generation: 9 })
    const refused = await world.connect('romeo', 'f', { generation: 10 })
    const ended = world.routing.states.flatMap((state) => (state.change === 'ended' ? [state.resource] : []))
    assert.deepEqual(ended, ['b', 'a'])
    assert.match(refused.heard()[0] ?? '', /resource-constraint/)
  })

  it('room is made also when its roster has to be fetched first', async () => {
    const world = createWorld(['romeo'], { limits: { maxResources: 1 } })
    const romeo = await world.connect('romeo', 'a', { head: { sm: { maxSeconds: 300 } } })
    await romeo.send('<presence/>')
    await romeo.drop('lost')
    world.takeOver()
    const young = await world.connect('romeo', 'b')
    assert.match(young.heard()[0] ?? '', /<jid>romeo@example.org\/b</)
  })
})

describe('XEP-0386 Bind 2', () => {
  const carbons = defineModule({
    spec: { id: 'XEP-0280', name: 'Test', version: '1', status: 'complete' },
    name: 'test',
    bind2: { '{urn:xmpp:carbons:2}enable': { isEnabled: true } },
  })
  const head = { resource: '', iqId: '', tag: 'Awesome' }

  it('§3.2.1: the resource begins with the client’s tag, is unique, and there is no IQ to answer', async () => {
    const world = createWorld(['romeo'])
    const clients = [await world.connect('romeo', '', { head }), await world.connect('romeo', '', { head })]
    const bound = world.routing.states.flatMap((state) => (state.change === 'bound' ? [state] : []))
    assert.ok(bound.every(({ resource, reply }) => resource.startsWith('Awesome/') && reply.length === 0))
    assert.notEqual(bound[0]?.resource, bound[1]?.resource)
    await clients[0]?.send("<iq type='get' id='1'><q xmlns='x'/></iq>")
    assert.match(clients[0]?.heard().at(-1) ?? '', /id='1'/)
  })

  it('§3.2.1: a tag that cannot be part of a resource is left out', async () => {
    const world = createWorld(['romeo'])
    await world.connect('romeo', '', { head: { ...head, tag: 'x'.repeat(1020) } })
    await world.connect('romeo', '', { head: { ...head, tag: '\u0000' } })
    await world.connect('romeo', '', { head: { ...head, tag: '' } })
    const bound = world.routing.states.flatMap((state) => (state.change === 'bound' ? [state.resource] : []))
    assert.equal(bound.length, 3)
    assert.ok(bound.every((resource) => resource.startsWith('starling-')))
  })

  it('§3.2: stream management and features are on from the first stanza, and routing knows of them', async () => {
    const world = createWorld(['romeo'], { modules: [carbons] })
    const features = ['{urn:xmpp:carbons:2}enable', '{urn:nobody}enable']
    const romeo = await world.connect('romeo', '', { head: { ...head, sm: { maxSeconds: 9 }, features } })
    assert.deepEqual(changes(world), ['settings', 'bound', 'enabled', 'updated'])
    const updated = world.routing.states.at(-1)
    assert.deepEqual(updated?.change === 'updated' && updated.slices, { 'XEP-0280': { isEnabled: true } })
    romeo.queueEnable()
    await romeo.drop('lost')
    assert.deepEqual(changes(world).slice(4), ['hibernated'])
  })

  it('a bind that is refused ends the connection, which has signed in by the same step', async () => {
    const world = createWorld(['romeo'], { limits: { maxResources: 1 } })
    await world.connect('romeo', 'a')
    const refused = await world.connect('romeo', '', { head })
    assert.deepEqual(refused.heard(), ['<resource-constraint/>'])
  })
})
