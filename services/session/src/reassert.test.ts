import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Reassert } from '@starling/wire'
import type { Client } from './testing/client.ts'
import { changes, ids, key, managed, message } from './testing/managed.ts'

const presence = "<presence from='romeo@example.org/orchard'><priority>5</priority></presence>"

/** What a pod says of a connection of Romeo's. */
function told(client: Pick<Client, 'target'>, ordinal: number, head: Partial<Reassert['head']> = {}): Reassert {
  const rest = { resource: 'orchard', generation: 2, lang: 'it', isInterested: true, slices: {}, ...head }
  return { kind: 'reassert', key, atMs: 1_500, target: client.target, ordinal, head: rest }
}

describe('R11: presence has forgotten sessions whose connections live', () => {
  it('what such a connection sends before its pod speaks is taken, once and in order', async () => {
    const { world, romeo } = await managed()
    await romeo.send("<message id='0' to='juliet@example.org'/>")
    world.forget()
    romeo.queue("<message id='1' to='juliet@example.org'/>")
    romeo.queueAnswered()
    romeo.queue("<message id='2' to='juliet@example.org'/>")
    await world.run()
    assert.deepEqual(ids(world), ['0', '1', '2'])
    world.append({ kind: 'answered', key, atMs: 1, target: romeo.target, ordinal: 3 })
    await romeo.send("<message id='3' to='juliet@example.org'/>")
    assert.deepEqual(ids(world), ['0', '1', '2', '3'], 'an old ordinal changes nothing')
  })

  it('unknown connections are believed only for a while after it was found out', async () => {
    const { world, romeo } = await managed()
    world.forget()
    const target = { ...romeo.target, connection: 99 }
    const stanza = {
      kind: 'message',
      type: '',
      id: 'late',
      from: '',
      to: '',
      payloads: [],
      raw: Buffer.from(message),
    } as const
    world.append({ kind: 'client', key, atMs: 1_000 + 120_000, target, ordinal: 1, stanza })
    await world.run()
    assert.deepEqual(ids(world), [])
  })

  it('the session is as it was: its count goes on, presence, language and slices are back, contacts are told nothing', async () => {
    const { world, romeo, desk, smId } = await managed()
    await romeo.send(message)
    world.forget()
    await romeo.send(message)
    desk.heard()
    const from = world.routing.states.length
    const sm = { id: smId, base: 0, maxSeconds: 300, written: 17, acked: 12 }
    world.append(told(romeo, 3, { presence: Buffer.from(presence), slices: { 'XEP-0280': { isEnabled: true } }, sm }))
    await romeo.send(message)
    assert.equal(world.routing.messages.length, 3)
    assert.deepEqual(desk.heard(), [])
    assert.deepEqual(changes(world, from), ['settings', 'restored'])
    assert.deepEqual(world.routing.states.at(-1), {
      key,
      change: 'restored',
      resource: 'orchard',
      target: romeo.target,
      isAvailable: true,
      priority: 5,
      slices: { 'XEP-0280': { isEnabled: true } },
      sm: { id: smId, maxSeconds: 300, written: 17, acked: 12 },
    })
    await romeo.drop('lost')
    const again = await world.resume('romeo', { smId, h: 15, generation: 9 })
    assert.equal(again?.jid, romeo.jid)
    assert.equal(world.routing.resumed.get(again?.connection ?? 0)?.count, 4)
  })

  it('told twice, or for nothing, it changes nothing; what the pod does not know stays', async () => {
    const { world, romeo, smId } = await managed()
    await romeo.send("<presence to='juliet@example.org'/>")
    const before = world.presence.states.get(key)?.fields.get('r:orchard')
    const sm = { id: smId, base: 0, maxSeconds: 300, written: 0, acked: 0 }
    const same = told(romeo, 2, { presence: Buffer.from('<presence/>'), isInterested: false, lang: '', sm })
    world.append(same)
    world.append(same)
    await world.run()
    const bytes = world.presence.states.get(key)?.fields.get('r:orchard')
    assert.equal(Buffer.from(bytes ?? []).toString(), Buffer.from(before ?? []).toString())
  })

  it('a client that waits for <enabled/> gets it', async () => {
    const { world, romeo } = await managed()
    world.forget()
    const from = world.routing.states.length
    world.append(told(romeo, 1, { sm: { id: '', base: 0, maxSeconds: 60, written: 0, acked: 0 } }))
    await world.run()
    assert.deepEqual(changes(world, from), ['settings', 'restored', 'enabled'])
  })

  it('R5: a resource that a newer connection has taken meanwhile is its own; one that an older has is taken', async () => {
    for (const [generation, ended] of [
      [50, 'kicked romeo'],
      [0, 'kicked other'],
    ] as const) {
      const { world, romeo } = await managed()
      world.forget()
      const other = await world.connect('romeo', 'orchard', { generation })
      const from = world.routing.states.length
      world.append(told(romeo, 1))
      await world.run()
      const kicked = world.routing.states
        .slice(from)
        .flatMap((one) => (one.change === 'kicked' ? [one.target.connection] : []))
      assert.deepEqual(kicked, [ended === 'kicked romeo' ? romeo.connection : other.connection])
    }
  })

  it('R5: what a connection still sends after its session went on elsewhere is not believed, before its drop and after', async () => {
    const { world, romeo, smId } = await managed()
    world.forget()
    const sm = { id: smId, base: 0, maxSeconds: 300, written: 0, acked: 0 }
    world.append(told(romeo, 0, { sm }))
    await world.run()
    const elsewhere = await world.resume('romeo', { smId, h: 0, generation: 60 })
    await romeo.send("<message id='late' to='juliet@example.org'/>")
    await romeo.drop('pod-died')
    await romeo.send("<message id='later' to='juliet@example.org'/>")
    await elsewhere?.send("<message id='again' to='juliet@example.org'/>")
    assert.deepEqual(ids(world), ['again'])
  })

  it('an account that is gone meanwhile has no sessions', async () => {
    const { world, romeo } = await managed()
    world.forget()
    world.storage.accounts.delete(key)
    world.append(told({ target: { ...romeo.target } }, 1))
    await world.run()
    assert.equal(world.routing.states.at(-1)?.change, 'kicked')
  })
})
