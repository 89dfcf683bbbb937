import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BareJid } from '@starling/jid'
import { maxKicked } from './kicked.ts'
import type { Client } from './testing/client.ts'
import { changes, ids, key, managed, message } from './testing/managed.ts'
import { createWorld, type World } from './testing/world.ts'

const juliet = 'juliet@example.org'

/** Romeo's connection whose resource another took, and that other. */
async function replaced(): Promise<{ world: World; old: Client; young: Client; juliet: Client }> {
  const world = createWorld(['romeo', 'juliet'])
  const balcony = await world.connect('juliet', 'balcony')
  await balcony.send('<presence/>')
  const old = await world.connect('romeo', 'orchard', { head: { sm: { maxSeconds: 300 } } })
  await old.send('<presence/>')
  const young = await world.connect('romeo', 'orchard')
  for (const client of [old, young, balcony]) client.heard()
  return { world, old, young, juliet: balcony }
}

const fields = (world: World): readonly string[] => [...(world.presence.states.get(key)?.fields.keys() ?? [])].sort()

describe('R5 a kicked connection’s stanzas go on being processed until its own drop', () => {
  it('for its pod may have acknowledged them: messages, each once and in order', async () => {
    const { world, old, young } = await replaced()
    old.queue(`<message id='1' to='${juliet}'/>`)
    young.queue(`<message id='2' to='${juliet}'/>`)
    old.queueAnswered("<iq type='error' id='x' to='romeo@example.org/orchard'/>")
    old.queue(`<message id='3' to='${juliet}'/>`)
    await old.drop('closed')
    await old.send(`<message id='4' to='${juliet}'/>`)
    assert.deepEqual(ids(world), ['1', '2', '3'])
  })

  it('out of order they are dropped as everybody’s', async () => {
    const { world, old } = await replaced()
    for (const ordinal of [1, 3]) world.append({ kind: 'answered', key, atMs: 1, target: old.target, ordinal })
    await old.send(message)
    assert.equal(world.routing.messages.length, 1)
  })

  it('what it asks is done: the roster is changed, subscriptions are asked for; the answers go nowhere', async () => {
    const { old, young, juliet: balcony } = await replaced()
    await young.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
    young.heard()
    const item = "<item jid='benvolio@example.org'/>"
    await old.send(`<iq type='set' id='s'><query xmlns='jabber:iq:roster'>${item}</query></iq>`)
    await old.send("<iq type='get' id='d'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
    await old.send(`<presence type='subscribe' to='${juliet}'/>`)
    const heard = young.heard()
    assert.equal(heard.filter((xml) => xml.includes('benvolio') && xml.includes("type='set'")).length, 1)
    assert.deepEqual(
      heard.filter((xml) => /type='(result|error)'/.test(xml)),
      [],
    )
    assert.ok(balcony.heard().some((xml) => xml.includes("type='subscribe'")))
  })

  it('a request to another names somebody whom no answer reaches', async () => {
    const { world, old } = await replaced()
    await old.send(`<iq type='get' id='v' to='${juliet}/balcony'><query xmlns='jabber:iq:version'/></iq>`)
    const [asked] = world.published.flatMap(({ envelope }) =>
      envelope.kind === 'deliver' && envelope.stanza.id === 'v' ? [envelope.stanza] : [],
    )
    assert.match(asked?.from ?? '', /^romeo@example\.org\/kicked-/)
  })

  it('its presence shows no more, to nobody', async () => {
    const { world, old, juliet: balcony } = await replaced()
    const before = world.published.length
    for (const xml of ['<presence/>', `<presence to='${juliet}'/>`, "<presence type='unavailable'/>"])
      await old.send(xml)
    assert.deepEqual([world.published.length, balcony.heard()], [before, []])
    await old.send(message)
    assert.equal(world.routing.messages.length, 1)
  })

  it('it counts as no resource, and cannot be resumed', async () => {
    const world = createWorld(['romeo'], { limits: { maxResources: 1 } })
    const old = await world.connect('romeo', 'orchard', { head: { sm: { maxSeconds: 300 } } })
    const smId = world.routing.smIds.get(old.connection) ?? ''
    await world.connect('romeo', 'orchard')
    const young = await world.connect('romeo', 'orchard')
    assert.equal(changes(world).at(-1), 'bound')
    assert.equal(await world.resume('romeo', { smId, generation: 99 }), undefined)
    await young.drop()
    assert.deepEqual(fields(world), ['@'])
    await old.drop()
  })

  it('nothing of it is left after its drop, and the account is blank', async () => {
    const { world, old, young } = await replaced()
    await young.drop()
    assert.deepEqual(fields(world), ['@'])
    world.takeOver()
    await old.send(message)
    assert.equal(world.routing.messages.length, 1)
    await old.drop('lost')
    assert.deepEqual(fields(world), [])
    assert.deepEqual(world.errors, [])
  })

  it('R7: a later life of its pod’s slot means that its lease ended', async () => {
    const { world, old } = await replaced()
    await world.connect('romeo', 'street', { epoch: 8 })
    await old.send(message)
    assert.equal(world.routing.messages.length, 0)
  })

  it('a changed password leaves them time, a deleted account none', async () => {
    for (const [change, handled] of [
      ['credentials', 1],
      ['deleted', 0],
    ] as const) {
      const { world, romeo } = await managed()
      world.append({ kind: 'accountChanged', key, atMs: 1, head: { change } })
      await romeo.send(message)
      assert.equal(world.routing.messages.length, handled)
    }
  })

  it('a session that hibernated has no connection to remember', async () => {
    const { world, romeo } = await managed()
    await romeo.drop('lost')
    await world.connect('romeo', 'orchard')
    await romeo.send(message)
    assert.equal(world.routing.messages.length, 0)
  })

  it('R3: the bind that began it, told again, begins nothing', async () => {
    const { world, old } = await replaced()
    const head = { resource: '', iqId: 'b', generation: 1, lang: '' }
    world.append({ kind: 'bind', key: key as BareJid, atMs: 1, target: old.target, head })
    const before = world.routing.states.length
    await world.run()
    assert.equal(world.routing.states.length, before)
  })

  it(`R8: at most ${maxKicked} an account, the oldest is forgotten`, async () => {
    const world = createWorld(['romeo', 'juliet'])
    const clients: Client[] = []
    for (let n = 0; n < maxKicked + 2; n++) clients.push(await world.connect('romeo', 'orchard'))
    for (const [n, client] of clients.entries()) client.queue(`<message id='${n}' to='${juliet}'/>`)
    await world.run()
    assert.deepEqual(
      ids(world),
      clients.map((_, n) => String(n)).filter((id) => id !== '0'),
    )
  })
})
