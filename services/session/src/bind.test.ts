import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bareOf } from '@starling/jid'
import { stanzaOf } from './testing/client.ts'
import { createWorld } from './testing/world.ts'

const bound = (jid: string): string =>
  `<iq type='result' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${jid}</jid></bind></iq>`

describe('RFC 6120 §7 resource binding', () => {
  it('§7.7: the resource the client asked for is bound, and the settings reach routing first', async () => {
    const world = createWorld(['romeo'])
    const romeo = await world.connect('romeo', 'orchard')
    assert.deepEqual(romeo.heard(), [bound('romeo@example.org/orchard')])
    assert.deepEqual(
      world.routing.states.map(({ change }) => change),
      ['settings', 'bound'],
    )
  })

  it('§7.6: the server makes a resource, another one each time', async () => {
    const world = createWorld(['romeo'])
    await world.connect('romeo', '')
    await world.connect('romeo', '')
    const resources = world.routing.states.flatMap((state) => (state.change === 'bound' ? [state.resource] : []))
    assert.equal(resources.length, 2)
    assert.notEqual(resources[0], resources[1])
    assert.ok(resources.every((resource) => resource.startsWith('starling-')))
  })

  it('§7.7.2.2: a resource in use: the newer wins, the older stream ends with conflict', async () => {
    const world = createWorld(['romeo'])
    const old = await world.connect('romeo', 'orchard')
    await old.send('<presence/>')
    old.heard()
    const young = await world.connect('romeo', 'orchard')
    assert.deepEqual(old.heard(), ['<conflict/>'])
    assert.deepEqual(young.heard(), [bound('romeo@example.org/orchard')])
    const changes = world.routing.states.map(({ change }) => change)
    assert.deepEqual(changes, ['settings', 'bound', 'updated', 'kicked', 'updated', 'ended', 'settings', 'bound'])
  })

  it('R5: a bind whose generation is not above that of the session it would replace is refused', async () => {
    const world = createWorld(['romeo'])
    const first = await world.connect('romeo', 'orchard', { generation: 5 })
    first.heard()
    const late = await world.connect('romeo', 'orchard', { generation: 5 })
    assert.match(late.heard()[0] ?? '', /^<iq type='error' id='b1'><error type='cancel'><conflict /)
    await first.send("<presence type='unavailable'/>")
    assert.deepEqual(first.heard(), [])
  })

  it('§7.6.2.1: more resources than allowed are a resource-constraint', async () => {
    const world = createWorld(['romeo'], { limits: { maxResources: 1 } })
    await world.connect('romeo', 'orchard')
    const second = await world.connect('romeo', 'balcony')
    assert.match(second.heard()[0] ?? '', /<error type='wait'><resource-constraint /)
    const third = await world.connect('romeo', 'orchard')
    assert.deepEqual(third.heard(), [bound('romeo@example.org/orchard')])
  })

  it('R7: a pod that speaks from a new life has lost the sessions of the one before', async () => {
    const world = createWorld(['romeo'], { limits: { maxResources: 2 } })
    const lost = await world.connect('romeo', 'orchard')
    await lost.send('<presence/>')
    const alive = await world.connect('romeo', 'street', { epoch: 8 })
    await alive.send('<presence/>')
    const changes = world.routing.states.flatMap((state) =>
      'resource' in state ? [`${state.change} ${state.resource}`] : [],
    )
    assert.deepEqual(changes, [
      'bound orchard',
      'updated orchard',
      'updated orchard',
      'ended orchard',
      'bound street',
      'updated street',
    ])
    await world.connect('romeo', 'balcony', { epoch: 8 })
    await alive.send('<presence/>')
    assert.ok(world.routing.states.every((state) => state.change !== 'refused'))
  })

  it('a client whose account went in between is sent away', async () => {
    const world = createWorld([])
    const nobody = await world.connect('nobody', 'home')
    assert.deepEqual(nobody.heard(), ['<not-authorized/>'])
    assert.equal(world.presence.states.get('nobody@example.org')?.fields.size, 0)
  })

  it('R5: stanzas out of order are dropped', async () => {
    const world = createWorld(['romeo', 'juliet'])
    const { target, jid } = await world.connect('romeo', 'orchard')
    const stanza = stanzaOf("<message to='juliet@example.org'/>", jid)
    for (const ordinal of [2, 1, 1, 3]) {
      world.append({ kind: 'client', key: bareOf(jid), atMs: 1, target, ordinal, stanza })
    }
    await world.run()
    assert.equal(world.routing.messages.length, 1)
  })
})
