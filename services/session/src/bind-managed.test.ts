import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defineModule } from '@starling/core'
import { changes, key, managed } from './testing/managed.ts'
import { createWorld } from './testing/world.ts'

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
