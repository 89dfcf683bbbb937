import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { modules } from '@starling/modules'
import type { Envelope, SignalHead } from '@starling/wire'
import { domain } from './test-support/fake-io.ts'
import { useHarness } from './test-support/harness.ts'

const start = useHarness()
const sm = "xmlns='urn:xmpp:sm:3'"
const account = `romeo@${domain}`

/** A bound client. */
async function bound() {
  const harness = await start({ modules })
  const client = await harness.plain()
  await client.signIn()
  const target = harness.published('bind')[0]?.target ?? assert.fail('no bind')
  const signal = (head: SignalHead): void => harness.fake.emit({ kind: 'signal', key: '', atMs: 0, target, head })
  const enable = async (): Promise<void> => {
    client.send(`<enable ${sm} resume='true'/>`)
    await harness.until(() => harness.published('enable').length === 1)
    signal({ signal: 'enabled', smId: 'sm-1', maxSeconds: 300 })
    await client.expect(/<enabled [^>]*>/)
  }
  const deliver = (ordinal: number, offset?: number): void =>
    harness.fake.emit({
      kind: 'output',
      key: '',
      atMs: 0,
      slot: 3,
      epoch: 17,
      recipients: [{ connection: target.connection, to: '', ordinal }],
      ...(offset === undefined ? {} : { cause: { inbox: 2, partition: 0, offset, index: 0 } }),
      raw: Buffer.from(`<message id='m${ordinal}'/>`),
    } satisfies Envelope)
  const reasserted = () => harness.published('reassert').map(({ head, ordinal }) => ({ ordinal, ...head }))
  return { ...harness, client, target, signal, enable, deliver, reasserted }
}

describe('R11: presence had forgotten the pod’s lease, which was taken again', () => {
  it('the session is told as the client made it: presence, roster, what modules switch, and how far its stanzas are', async () => {
    const { client, fake, published, until, reasserted, target } = await bound()
    client.send("<presence><priority>5</priority></presence><presence to='juliet@starling.test'/>")
    client.send("<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>")
    client.send("<iq type='set' id='2'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
    client.send("<iq type='set' id='3' to='juliet@starling.test'><disable xmlns='urn:xmpp:carbons:2'/></iq>")
    await until(() => published('client').length === 5)
    fake.restore()
    const [told] = reasserted()
    assert.equal(published('recount').length, 0, 'nothing is numbered')
    const { presence, ...rest } = told ?? assert.fail('nothing told')
    assert.match(Buffer.from(presence ?? []).toString(), /^<presence .*<priority>5<\/priority>/)
    const slices = { 'XEP-0280': { isEnabled: true } }
    assert.deepEqual(rest, { ordinal: 5, resource: 'balcony', generation: 1, lang: '', isInterested: true, slices })
    assert.deepEqual(published('reassert')[0]?.target, target)
    assert.equal(published('reassert')[0]?.key, account)
    client.send("<presence type='unavailable'/><iq type='set' id='4'><disable xmlns='urn:xmpp:carbons:2'/></iq>")
    await until(() => published('client').length === 7)
    fake.restore()
    const again = reasserted()[1]
    assert.equal(again?.presence, undefined)
    assert.deepEqual(again?.slices, { 'XEP-0280': { isEnabled: false } })
  })

  it('with stream management only when routing says that nothing is under way: then both counts are final', async () => {
    const { client, fake, published, until, enable, deliver, signal, reasserted, target } = await bound()
    client.send('<presence/>')
    await until(() => published('client').length === 1)
    await enable()
    client.send('<message/>')
    deliver(1)
    await client.expect(/m1/)
    fake.restore()
    assert.equal(published('recount').length, 1)
    assert.deepEqual(published('recount')[0]?.target, target)
    assert.deepEqual(reasserted(), [])
    deliver(2)
    client.send(`<a ${sm} h='1'/><message/>`)
    await until(() => published('client').length === 3)
    signal({ signal: 'recount' })
    assert.deepEqual(reasserted()[0]?.sm, { id: 'sm-1', base: 1, maxSeconds: 300, written: 2, acked: 1 })
    assert.equal(reasserted()[0]?.ordinal, 3)
    await client.expect(/m2/)
    deliver(3)
    await client.expect(/m3/)
  })

  it('who resumed here gives back what it was told then', async () => {
    const { fake, published, until, plain } = await start()
    const client = await plain()
    await client.startTls()
    await client.open()
    await client.scram('romeo', 'secret')
    await client.open()
    client.send(`<resume ${sm} previd='sm-0' h='4'/>`)
    await until(() => published('resume').length === 1)
    const target = published('resume')[0]?.target ?? assert.fail('no resume')
    const remembered = {
      isInterested: true,
      presence: Buffer.from('<presence/>'),
      slices: { 'XEP-0191': { isListening: true } },
    }
    const jid = `${account}/balcony`
    const counts = { maxSeconds: 120, count: 2, ordinal: 7, acked: 4, remembered }
    const signal = (head: SignalHead): void => fake.emit({ kind: 'signal', key: '', atMs: 0, target, head })
    signal({ signal: 'resumed', smId: 'sm-0', jid, ...counts })
    await client.expect(/<resumed [^>]*>/)
    fake.restore()
    signal({ signal: 'recount' })
    await until(() => published('reassert').length === 1)
    const { ordinal, head } = published('reassert')[0] ?? assert.fail()
    assert.equal(ordinal, 7)
    assert.deepEqual(head.sm, { id: 'sm-0', base: 5, maxSeconds: 120, written: 4, acked: 4 })
    assert.equal(head.resource, 'balcony')
    assert.deepEqual([head.isInterested, head.slices], [true, remembered.slices])
    assert.equal(Buffer.from(head.presence ?? []).toString(), '<presence/>')
  })

  it('each session once a loss, also one that is bound after it was asked for before; one that asks later knows better', async () => {
    const { fake, reasserted, pass, plain, published, until } = await bound()
    fake.restore()
    pass(1_000)
    assert.equal(reasserted().length, 1)
    const holding: (() => void)[] = []
    const answer = fake.publishWith
    fake.publishWith = async (envelope) => {
      if (envelope.kind === 'bind') holding.push(() => void answer(envelope))
    }
    const other = await plain()
    const signingIn = other.signIn()
    await until(() => published('bind').length === 2)
    fake.restore()
    assert.equal(reasserted().length, 2)
    for (const go of holding) go()
    await signingIn
    pass(1_000)
    assert.equal(reasserted().length, 3)
    pass(1_000)
    fake.publishWith = answer
    await (await plain()).signIn()
    pass(1_000)
    assert.equal(reasserted().length, 3)
  })

  it('what a client had not acknowledged when it went before it could be told is counted', async () => {
    const { client, fake, enable, deliver, until, pod } = await bound()
    await enable()
    deliver(1)
    await client.expect(/m1/)
    fake.publishWith = () => new Promise(() => {})
    fake.restore()
    for (const connection of pod.pod.connections.values()) if (connection.keepsake) connection.keepsake.losses = 0
    client.end()
    await until(() => (fake.counts.sums.get('starling_c2s_unrestored_deliveries_total') ?? 0) > 0)
    assert.equal(fake.counts.sums.get('starling_c2s_unrestored_deliveries_total'), 1)
  })

  it('another delivery under a number that was written: the stream ends, and so does the session', async () => {
    const { client, fake, enable, deliver, published, until } = await bound()
    await enable()
    deliver(1, 10)
    deliver(2, 11)
    await client.expect(/m2/)
    deliver(2, 11)
    deliver(1, 12)
    assert.match(await client.closed(), /<reset /)
    await until(() => published('drop').length === 1)
    assert.equal(published('drop')[0]?.head.reason, 'renumbered')
    assert.equal(fake.counts.sums.get('starling_c2s_sm_faults_total{repeated}'), 1)
    assert.equal(fake.counts.sums.get('starling_c2s_sm_faults_total{renumbered}'), 1)
  })
})
