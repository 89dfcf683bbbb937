import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BareJid, FullJid } from '@starling/jid'
import { type Envelope, encodeEnvelope } from '@starling/wire'
import { readAccount } from './account-codec.ts'
import { type Client, stanzaOf } from './testing/client.ts'
import { createWorld, type World } from './testing/world.ts'

const set = (jid: string): string =>
  `<iq type='set' id='${jid}'><query xmlns='jabber:iq:roster'><item jid='${jid}@example.org'/></query></iq>`
const say = (id: string): string => `<message id='${id}' to='juliet@example.org'/>`

function pendingOf(world: World, account: string): number {
  const state = world.presence.states.get(account)
  return readAccount(account as BareJid, { mark: 0, fields: state?.fields ?? new Map() }).pending
}

const saidIn = (world: World): readonly string[] => world.routing.messages.map(({ id }) => id)

const romeo = 'romeo@example.org'

/** Juliet asks Romeo's account something nobody serves. */
function askedOfRomeo(id: string): Envelope {
  const stanza = stanzaOf(
    `<iq type='get' id='${id}' to='${romeo}'><q xmlns='x'/></iq>`,
    'juliet@example.org/balcony' as FullJid,
  )
  return { kind: 'account', key: romeo, atMs: 1, stanza }
}

/** Ids of what Juliet was answered. */
function repliesIn(world: World): readonly string[] {
  return world.published.flatMap(({ envelope }) =>
    envelope.kind === 'deliver' && envelope.stanza.kind === 'iq' && envelope.key === 'juliet@example.org'
      ? [envelope.stanza.id]
      : [],
  )
}

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

  it('a bind whose answer comes again after its session is over begins none', async () => {
    const world = createWorld(['romeo'])
    world.perRecord = 1
    world.isStorageHeld = true
    const target = { slot: 1, epoch: 7, connection: 1 }
    const head = { resource: 'orchard', iqId: 'b1', generation: 1, lang: '' }
    world.append({ kind: 'bind', key: romeo, atMs: 1, target, head })
    await world.run()
    world.serve()
    const [answer] = world.waiting()
    if (answer === undefined) throw new Error('an answer was expected')
    await world.run()
    world.append({ kind: 'drop', key: romeo, atMs: 2, target, head: { reason: 'closed' } })
    world.append(answer)
    await world.run()
    const changes = world.routing.states.map(({ change }) => change)
    assert.equal(changes.filter((change) => change === 'bound').length, 1)
    assert.equal(changes.at(-1), 'ended')
  })

  it('a request that waited is answered once, however often its answer comes, then and later', async () => {
    const { world, client } = await newOwner()
    world.perRecord = 1
    await client.send('<presence/>')
    world.append(askedOfRomeo('q'))
    await world.run()
    world.serve()
    const answers = [...world.waiting()]
    assert.equal(answers.length, 2)
    await world.run()
    for (const envelope of [...answers, ...answers]) world.append(envelope)
    await world.run()
    assert.deepEqual(repliesIn(world), ['q'])
  })

  it('an answer to what an owner that was not one any more had asked counts for nothing', async () => {
    const { world, client } = await newOwner()
    const before = world.published.length
    await client.send(say('m1'))
    const place = world.published[before]?.cause.place
    if (place === undefined) throw new Error('the message was expected to go out')
    await client.send('<presence/>')
    const { partition, offset, index } = place
    const carried = encodeEnvelope({ ...askedOfRomeo('q'), cause: { inbox: 1, partition, offset, index } })
    world.append({
      kind: 'loaded',
      key: romeo,
      atMs: 1,
      head: { exists: true, roster: { version: '', items: [] } },
      carried,
    })
    await world.run()
    assert.equal(pendingOf(world, romeo), 1)
    assert.deepEqual(repliesIn(world), [])
    assert.deepEqual(client.heard(), [])
    world.isStorageHeld = false
    await world.run()
    assert.equal(pendingOf(world, romeo), 0)
    assert.equal(client.heard().length, 1)
  })

  it('an answer without a roster is logged, and not asked for without end', async () => {
    const { world, client } = await newOwner()
    await client.send('<presence/>')
    world.serve()
    const [first] = world.waiting()
    if (first?.kind === 'loaded') (first as { head: unknown }).head = { exists: true }
    world.isStorageHeld = false
    await world.run()
    assert.equal(world.errors.length, 1)
    assert.equal(pendingOf(world, romeo), 0)
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
