import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LogError } from '@starling/core'
import type { Envelope } from '@starling/wire'
import { bindRequest } from './test-support/client.ts'
import { boundTo, domain } from './test-support/fake-io.ts'
import { useHarness } from './test-support/harness.ts'

const start = useHarness()

/** A log whose answers the test gives. */
function heldLog(): { readonly publish: (envelope: Envelope) => Promise<void>; readonly held: Held[] } {
  const held: Held[] = []
  return {
    held,
    publish: (envelope) =>
      new Promise((resolve, reject) => {
        if (envelope.kind === 'client') held.push({ envelope, resolve, reject })
        else resolve()
      }),
  }
}

interface Held {
  readonly envelope: Envelope
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

async function bound(options: Parameters<typeof start>[0] = {}) {
  const harness = await start(options)
  const client = await harness.plain()
  await client.signIn()
  const { connection } = harness.published('bind')[0]?.target ?? { connection: 0 }
  return { ...harness, client, connection }
}

const message = (id: number): string => `<message id='${id}'/>`
const many = (count: number): string => Array.from({ length: count }, (_, at) => message(at + 1)).join('')

describe('R1, R8 back-pressure from the log', () => {
  it('no more than maxInFlightStanzas are handed to the log; the rest follows in order as it answers', async () => {
    const { fake, client, published, until } = await bound({ c2s: { maxInFlightStanzas: 4 } })
    const log = heldLog()
    fake.publishWith = log.publish
    client.send(many(20))
    await until(() => published('client').length === 4)
    await new Promise(setImmediate)
    assert.equal(published('client').length, 4)
    for (let answered = 0; answered < 20; answered++) {
      await until(() => log.held.length > 0)
      assert.ok(log.held.length <= 4)
      log.held.shift()?.resolve()
    }
    await until(() => published('client').length === 20)
    assert.deepEqual(
      published('client').map(({ ordinal, stanza }) => `${ordinal}:${stanza.id}`),
      Array.from({ length: 20 }, (_, at) => `${at + 1}:${at + 1}`),
    )
  })

  it('a produce that fails ends the connection; nothing later of it is produced but its drop', async () => {
    for (const [code, condition] of [
      ['LOG_FULL', /<resource-constraint/],
      ['LOG_FAILED', /<internal-server-error/],
    ] as const) {
      const { fake, client, published, until } = await bound({ c2s: { maxInFlightStanzas: 2 } })
      const log = heldLog()
      fake.publishWith = log.publish
      client.send(many(5))
      await until(() => log.held.length === 2)
      log.held[0]?.reject(new LogError(code, 'no'))
      assert.match(await client.closed(), condition)
      log.held[1]?.resolve()
      await new Promise(setImmediate)
      assert.equal(published('client').length, 2)
      assert.deepEqual(
        published('drop').map(({ head }) => head.reason),
        ['log'],
      )
    }
  })

  it('while the log is away nothing is read, and it goes on by itself', async () => {
    const { fake, client, published, until, pod } = await bound()
    fake.isReady = false
    client.send(many(3))
    await until(() => pod.pod.pauses.count === 1)
    assert.equal(published('client').length, 0)
    fake.isReady = true
    await until(() => published('client').length === 3)
    assert.equal(pod.pod.pauses.count, 0)
  })

  it('the same when too much of the whole pod waits for the log', async () => {
    const { fake, client, published, until, pod } = await bound()
    fake.pendingBytes = 17_000_000
    client.send(many(1))
    await until(() => pod.pod.pauses.count === 1)
    fake.pendingBytes = 0
    await until(() => published('client').length === 1)
  })

  it('a drop that the log refused is told again', async () => {
    const { fake, client, published, pod, until, pass } = await bound()
    fake.publishWith = () => Promise.reject(new LogError('LOG_FAILED', 'away'))
    client.send('</stream:stream>')
    await client.closed()
    await until(() => published('drop').length === 1)
    await new Promise(setImmediate)
    assert.equal(pod.pod.drops.count, 1)
    fake.publishWith = async () => {}
    pass(1)
    await until(() => pod.pod.drops.count === 0)
    assert.equal(published('drop').length, 2)
  })
})

describe('rates', () => {
  it('stanzasPerSecond: over the rate a client waits and is not ended', async () => {
    const { fake, client, published, until, pod } = await bound({ c2s: { stanzasPerSecond: 5 } })
    client.send(many(20))
    await until(() => pod.pod.pauses.count === 1)
    const before = published('client').length
    assert.ok(before <= 7, `${before}`)
    for (let second = 0; second < 6; second++) {
      fake.advance(1_000)
      await until(() => pod.pod.pauses.count === 0 || published('client').length > before + second * 5)
    }
    await until(() => published('client').length === 20)
    assert.deepEqual(
      published('client').map(({ ordinal }) => ordinal),
      Array.from({ length: 20 }, (_, at) => at + 1),
    )
  })

  it('bytesPerSecond: likewise', async () => {
    const { fake, client, published, until, pod } = await bound({ c2s: { bytesPerSecond: 10_000 } })
    client.send(`<message><body>${'x'.repeat(30_000)}</body></message>`)
    await until(() => pod.pod.pauses.count === 1)
    assert.equal(published('client').length, 0)
    fake.advance(1_000)
    assert.equal(published('client').length, 0)
    await until(() => {
      fake.advance(1_000)
      return published('client').length === 1
    })
  })

  it('loginsPerSecond: sign-ins over the rate wait for their turn', async () => {
    const { fake, pod, secure, until } = await start({ c2s: { loginsPerSecond: 1 } })
    const [first, second] = [await secure(), await secure()]
    await first.open()
    await second.open()
    await first.scram('romeo', 'secret')
    const slow = second.scram('romeo', 'secret')
    await until(() => pod.pod.logins.waiting === 1)
    assert.equal(fake.asked.length, 1)
    fake.advance(1_000)
    await until(() => fake.asked.length === 2)
    assert.match(await slow, /<success/)
  })
})

describe('orders of other stages', () => {
  it('RFC 6120 §7.7.2: a refused resource is answered, and another may be asked for', async () => {
    const { fake, plain, published, until } = await start()
    const client = await plain()
    await client.startTls()
    await client.open()
    await client.scram('romeo', 'secret')
    await client.open()
    fake.publishWith = async () => {}
    client.send(bindRequest('x'))
    await until(() => published('bind').length === 1)
    const [bind] = published('bind')
    assert.ok(bind !== undefined)
    assert.deepEqual(bind.head, { resource: 'x', iqId: 'b1', generation: 1, lang: '' })
    const { connection } = bind.target
    const raw = Buffer.from(
      "<iq type='error' id='b1'><error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    )
    fake.emit({ kind: 'output', key: '', atMs: 0, slot: 3, epoch: 17, recipients: [{ connection, to: '' }], raw })
    await client.expect(/<resource-constraint/)
    client.send(`${bindRequest('y')}<presence/>`) // sent ahead: it waits for the resource
    await until(() => published('bind').length === 2)
    assert.equal(published('client').length, 0)
    fake.emit(boundTo(bind.key, { target: bind.target, head: { resource: 'y', iqId: 'b1' } }))
    await client.expect(/<jid>romeo@starling.test\/y<\/jid>/)
    await until(() => published('client').length === 1)
    assert.equal(published('client')[0]?.stanza.from, `romeo@${domain}/y`)
  })

  it('§7.7.2.1: a resource that is no resourcepart is a bad request', async () => {
    const { plain, published } = await start()
    const client = await plain()
    await client.startTls()
    await client.open()
    await client.scram('romeo', 'secret')
    await client.open()
    client.send(bindRequest('&#x9;'))
    await client.expect(/<iq type='error' id='b1'><error type='modify'><bad-request/)
    client.send("<iq type='get' id='q'><query xmlns='jabber:iq:roster'/></iq>")
    await client.expect(/<unexpected-request/)
    assert.equal(published('bind').length, 0)
    client.send("<message to='juliet@starling.test'/>")
    assert.match(await client.closed(), /<not-authorized/) // §7.1
  })

  it('no answer to a bind ends the stream, and its drop is published', async () => {
    const { fake, plain, published, until, pass } = await start()
    const client = await plain()
    await client.startTls()
    await client.open()
    await client.scram('romeo', 'secret')
    await client.open()
    fake.publishWith = async () => {}
    client.send(bindRequest('x'))
    await until(() => published('bind').length === 1)
    pass(15_001)
    assert.match(await client.closed(), /<internal-server-error/)
    assert.equal(published('drop').length, 1)
  })

  it('close: the stream ends with the condition named', async () => {
    const { fake, client, connection, published } = await bound()
    const target = { slot: 3, epoch: 17, connection }
    fake.emit({ kind: 'close', key: '', atMs: 0, target, head: { condition: 'conflict', text: 'replaced' } })
    const last = await client.closed()
    assert.match(
      last,
      /<conflict xmlns='[^']*'\/><text xmlns='[^']*'>replaced<\/text><\/stream:error><\/stream:stream>$/,
    )
    assert.deepEqual(
      published('drop').map(({ head }) => head.reason),
      ['ordered'],
    )
  })

  it('what is for connections that are gone is counted, not written', async () => {
    const { fake } = await bound()
    const target = { slot: 3, epoch: 17, connection: 999 }
    const raw = Buffer.from('<message/>')
    fake.emit(
      { kind: 'output', key: '', atMs: 0, slot: 3, epoch: 17, recipients: [{ connection: 999, to: '' }], raw },
      { kind: 'bound', key: '', atMs: 0, target, head: { jid: 'x' }, raw },
      { kind: 'close', key: '', atMs: 0, target, head: { condition: 'reset', text: '' } },
    )
    assert.equal(fake.counts.sums.get('starling_c2s_stray_outputs_total'), 3)
  })

  it('R7: when the lease is lost all sockets close at once', async () => {
    const { fake, client, pod, until } = await bound()
    fake.fence()
    assert.equal(await client.closed(), '')
    await until(() => pod.pod.connections.size === 0)
  })

  it('a socket that goes without a word is dropped once', async () => {
    const { client, published, pod, until } = await bound()
    client.end()
    await until(() => pod.pod.connections.size === 0)
    assert.deepEqual(
      published('drop').map(({ head }) => head.reason),
      ['lost'],
    )
    assert.equal(pod.pod.addresses.size, 0)
  })

  it('RFC 6120 §4.9.3.20: draining ends every stream with system-shutdown and takes no new ones', async () => {
    const { client, pod, plain, published } = await bound()
    const drained = pod.drain(2_000)
    assert.match(await client.closed(), /<system-shutdown/)
    await drained
    assert.equal(pod.isReady(), false)
    await assert.rejects(plain())
    assert.deepEqual(
      published('drop').map(({ head }) => head.reason),
      ['shutdown'],
    )
  })
})
