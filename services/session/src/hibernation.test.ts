import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { changes, key, managed, message, unavailable } from './testing/managed.ts'
import { createWorld } from './testing/world.ts'

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

  it('R4: what the drop says that the client acknowledged is told to routing, also when the session hibernates already', async () => {
    const cases = [
      { reasons: ['lost'], last: 'hibernated' },
      { reasons: ['pod-died', 'lost'], last: 'hibernated' },
      { reasons: ['closed'], last: 'ended' },
      { reasons: ['pod-died', 'closed'], last: 'ended' },
    ]
    for (const { reasons, last } of cases) {
      const { world, romeo } = await managed()
      for (const reason of reasons) await romeo.drop(reason, reason === 'pod-died' ? undefined : 3)
      assert.deepEqual(world.routing.states.at(-1), {
        change: last,
        key,
        resource: 'orchard',
        target: romeo.target,
        acked: 3,
      })
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

  it('R5: what its own connection still sends counts until another resumes: its pod may have acknowledged it', async () => {
    const { world, romeo, smId } = await managed()
    await romeo.drop('pod-died')
    await romeo.send(message)
    romeo.queueAnswered()
    const again = await world.resume('romeo', { smId })
    assert.deepEqual([again?.heard(), world.routing.messages.length], [["<resumed h='3'/>"], 1])
    await romeo.send(message)
    assert.equal(world.routing.messages.length, 1)
    await again?.send(message)
    assert.equal(world.routing.messages.length, 2)
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
