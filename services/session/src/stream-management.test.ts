import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defineModule, pass } from '@starling/core'
import type { Envelope, Remembered } from '@starling/wire'
import { changes, ids, key, managed, message, unavailable } from './testing/managed.ts'
import { createWorld } from './testing/world.ts'

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
    const { key: _, remembered, ...state } = world.routing.states.at(-1) as { key: unknown; remembered: Remembered }
    // R11: what its new pod is to remember
    assert.match(Buffer.from(remembered.presence ?? []).toString(), /^<presence/)
    assert.deepEqual({ ...remembered, presence: undefined }, { presence: undefined, isInterested: false, slices: {} })
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

  it('R11: where routing has lost the session and refuses, the same connection may bind, also the same resource', async () => {
    for (const isRepeated of [false, true]) {
      const { world, romeo, desk, smId } = await managed()
      await romeo.drop('lost')
      const target = { slot: 2, epoch: 9, connection: 77 }
      world.append({ kind: 'resume', key, atMs: 1, target, head: { smId, h: 0, generation: 77, lang: '' } })
      await world.run()
      assert.equal(changes(world).at(-1), 'resumed')
      const from = world.routing.states.length
      const head = { resource: 'orchard', iqId: 'b', generation: 77, lang: '', sm: { maxSeconds: 300 } }
      const bind: Envelope = { kind: 'bind', key, atMs: 1, target, head }
      world.append(bind)
      if (isRepeated) world.append(bind)
      await world.run()
      assert.deepEqual(changes(world, from), ['updated', 'ended', 'settings', 'bound', 'enabled'])
      assert.equal(unavailable(desk), 1)
      assert.notEqual(world.routing.smIds.get(77), smId)
    }
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
