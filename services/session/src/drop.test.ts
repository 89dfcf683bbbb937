import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BareJid } from '@starling/jid'
import type { Envelope } from '@starling/wire'
import type { Client } from './testing/client.ts'
import { createWorld, type World } from './testing/world.ts'

const key = 'romeo@example.org' as BareJid

/** Romeo on a pod that will be thought dead, and at his desk, which hears of it. */
async function atTwoPlaces(): Promise<{ world: World; doomed: Client; desk: Client; dropped: Envelope }> {
  const world = createWorld(['romeo'])
  const desk = await world.connect('romeo', 'desk')
  const doomed = await world.connect('romeo', 'orchard')
  for (const client of [desk, doomed]) await client.send('<presence/>')
  desk.heard()
  const target = { slot: 1, epoch: 7, connection: doomed.connection }
  return { world, doomed, desk, dropped: { kind: 'drop', key, atMs: 1, target, head: { reason: 'pod-died' } } }
}

const unavailable = (client: Client): number =>
  client.heard().filter((xml) => xml.includes("type='unavailable'") && xml.includes('/orchard')).length

describe('R6: drops that anybody may write', () => {
  it('any number of times: the session ends once', async () => {
    const { world, doomed, desk, dropped } = await atTwoPlaces()
    for (let sweeper = 0; sweeper < 3; sweeper++) world.append(dropped)
    await world.run()
    await doomed.drop() // the pod was only slow, and writes its own
    assert.equal(unavailable(desk), 1)
    assert.equal(world.routing.states.filter(({ change }) => change === 'ended').length, 1)
    assert.deepEqual(world.errors, [])
  })

  it('what a pod that woke late sends after it reaches nobody', async () => {
    const { world, doomed, desk, dropped } = await atTwoPlaces()
    world.append(dropped)
    await world.run()
    desk.heard()
    await doomed.send("<message to='romeo@example.org/desk'><body>late</body></message>")
    await doomed.send('<presence/>')
    assert.deepEqual(desk.heard(), [])
  })

  it('it does not touch the connection that took the resource meanwhile', async () => {
    const { world, desk, dropped } = await atTwoPlaces()
    const young = await world.connect('romeo', 'orchard')
    await young.send('<presence/>')
    desk.heard()
    world.append(dropped)
    await world.run()
    assert.equal(unavailable(desk), 0)
    await young.send("<message to='romeo@example.org/desk'><body>here</body></message>")
    assert.match(desk.heard().join(''), /here/)
  })

  it('a bind that comes after it, from a pod that stood still, ends with that pod’s own drop', async () => {
    const { world, desk } = await atTwoPlaces()
    const target = { slot: 1, epoch: 7, connection: 99 }
    const dropped: Envelope = { kind: 'drop', key, atMs: 1, target, head: { reason: 'pod-died' } }
    const head = { resource: 'street', iqId: 'b1', generation: 99, lang: '' }
    for (const late of [dropped, { kind: 'bind', key, atMs: 1, target, head } as const, dropped]) world.append(late)
    await world.run()
    const resources = world.routing.states.flatMap((state) => (state.change === 'ended' ? [state.resource] : []))
    assert.deepEqual(resources, ['street'])
    assert.deepEqual(desk.heard(), [])
  })
})
