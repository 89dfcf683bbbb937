import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BareJid } from '@starling/jid'
import { readAccount } from './account-codec.ts'
import { type Client, createWorld, type World } from './testing/world.ts'

const set = (jid: string): string =>
  `<iq type='set' id='${jid}'><query xmlns='jabber:iq:roster'><item jid='${jid}@example.org'/></query></iq>`
const say = (id: string): string => `<message id='${id}' to='juliet@example.org'/>`

function pendingOf(world: World, account: string): number {
  const state = world.presence.states.get(account)
  return readAccount(account as BareJid, { mark: 0, fields: state?.fields ?? new Map() }).pending
}

const saidIn = (world: World): readonly string[] => world.routing.messages.map(({ id }) => id)

/** Romeo online under a new owner that knows nothing of him, storage not answering. */
async function newOwner(): Promise<{ world: World; client: Client }> {
  const world = createWorld(['romeo', 'juliet'])
  const client = await world.connect('romeo', 'orchard')
  await client.send("<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>")
  client.heard()
  world.takeOver()
  world.isStorageHeld = true
  return { world, client }
}

describe('R3 what waits for storage', () => {
  it('a message alone waits for nothing', async () => {
    const { world, client } = await newOwner()
    await client.send(say('m1'))
    assert.deepEqual(saidIn(world), ['m1'])
  })

  it('once something waits, everything of that account waits behind it, and comes in order', async () => {
    const { world, client } = await newOwner()
    await client.send('<presence/>')
    await client.send(say('m1'))
    await client.send(set('nurse'))
    await client.send(say('m2'))
    await client.drop()
    assert.deepEqual(client.heard(), [])
    assert.deepEqual(saidIn(world), [])
    assert.equal(pendingOf(world, 'romeo@example.org'), 5)
    world.published.length = 0
    world.isStorageHeld = false
    await world.run()
    const order = world.published.flatMap(({ envelope }) => {
      if (envelope.kind === 'sent') return [envelope.stanza.id]
      if (envelope.kind === 'write') return ['roster']
      return envelope.kind === 'state' && envelope.head.change !== 'settings' ? [envelope.head.change] : []
    })
    assert.deepEqual(order, ['updated', 'm1', 'roster', 'm2', 'updated', 'ended'])
    assert.equal(world.presence.states.get('romeo@example.org')?.fields.size, 0)
  })

  it('another account does not wait', async () => {
    const { world, client } = await newOwner()
    await client.send('<presence/>')
    world.isStorageHeld = false
    const juliet = await world.connect('juliet', 'balcony')
    await juliet.send("<message id='j' to='romeo@example.org'/>")
    assert.ok(saidIn(world).includes('j'))
  })

  it('the question is numbered last among what its cause brings about', async () => {
    const { world, client } = await newOwner()
    world.published.length = 0
    await client.send('<presence/>')
    assert.deepEqual(
      world.published.map(({ to, envelope, isQuestion }) => [to, envelope.kind, isQuestion]),
      [['storage', 'ask', true]],
    )
  })

  it('a second takeover in between loses nothing: pending stands in the state, the cache fills from the answers', async () => {
    const { world, client } = await newOwner()
    await client.send(set('nurse'))
    world.takeOver()
    await client.send(say('m1'))
    world.takeOver()
    world.isStorageHeld = false
    await world.run()
    assert.deepEqual(saidIn(world), ['m1'])
    assert.equal(world.storage.rosters.get('romeo@example.org')?.items.length, 1)
    assert.equal(pendingOf(world, 'romeo@example.org'), 0)
  })

  it('an answer read before an earlier owner’s change is asked for anew, and the order stays', async () => {
    const { world, client } = await newOwner()
    world.perRecord = 1
    await client.send(set('nurse'))
    await client.send(set('friar'))
    await client.send(say('m1'))
    await client.send(set('tybalt'))
    await client.send(say('m2'))
    world.serve() // all answers are read from the empty roster
    await world.step() // the nurse is in, and written to storage
    world.takeOver() // who comes next knows nothing, and the next answer knows no nurse
    world.published.length = 0
    world.isStorageHeld = false
    await world.run()
    const jids = world.storage.rosters.get('romeo@example.org')?.items.map(({ jid }) => jid)
    assert.deepEqual(jids, ['nurse@example.org', 'friar@example.org', 'tybalt@example.org'])
    const order = world.published.flatMap(({ envelope }) =>
      envelope.kind === 'sent' ? [envelope.stanza.id] : envelope.kind === 'write' ? ['roster'] : [],
    )
    assert.deepEqual(order, ['roster', 'm1', 'roster', 'm2'])
    // and memory holds the nurse too: a full get shows all three
    await client.send("<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>")
    const shown = client.heard().at(-1) ?? ''
    assert.deepEqual(shown.match(/jid='\w+/g), ["jid='nurse", "jid='friar", "jid='tybalt"])
  })

  it('an answer that comes twice does nothing twice', async () => {
    const { world, client } = await newOwner()
    world.perRecord = 1
    await client.send('<presence/>')
    await client.send(say('m1'))
    world.serve()
    const [first, second] = world.waiting()
    if (first === undefined || second === undefined) throw new Error('two answers were expected')
    await world.run()
    for (const envelope of [first, second, first]) world.append(envelope)
    await world.run()
    await client.send(say('m2'))
    assert.deepEqual(saidIn(world), ['m1', 'm2'])
    assert.deepEqual(world.errors, [])
  })

  it('an answer whose envelope cannot be read is logged, and those behind it go on', async () => {
    const { world, client } = await newOwner()
    await client.send('<presence/>')
    await client.send(say('m1'))
    world.serve()
    const [first] = world.waiting()
    if (first?.kind === 'loaded') (first as { carried: Uint8Array }).carried = new Uint8Array([250, 0, 0])
    world.isStorageHeld = false
    await world.run()
    // the presence was the client's first stanza: without it the second is out of order, and dropped
    assert.deepEqual(saidIn(world), [])
    assert.equal(world.errors.length, 1)
    assert.equal(pendingOf(world, 'romeo@example.org'), 0)
  })
})

describe('R3 a batch that fails', () => {
  it('is handed over again and finds memory as it was before', async () => {
    const world = createWorld(['romeo'])
    const client = await world.connect('romeo', 'orchard')
    await client.send("<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>")
    world.isParanoid = true
    await client.send(set('nurse'))
    assert.equal(world.storage.rosters.get('romeo@example.org')?.items.length, 1)
  })

  it('the port being away is a rejection', async () => {
    const world = createWorld(['romeo'])
    world.presence.isDown = true
    await assert.rejects(world.connect('romeo', 'orchard'), /presence is down/)
  })
})
