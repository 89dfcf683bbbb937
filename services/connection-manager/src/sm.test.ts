import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { QueuePlace } from '@starling/core'
import { type Envelope, type OutputBundle, packRecord, type SignalHead } from '@starling/wire'
import { xml } from '@starling/xml'
import { drainPod } from './drain.ts'
import type { TestClient } from './test-support/client.ts'
import { domain } from './test-support/fake-io.ts'
import { type Harness, useHarness } from './test-support/harness.ts'

const start = useHarness()
const sm = "xmlns='urn:xmpp:sm:3'"
const jid = `romeo@${domain}/balcony`

/** A bound client with stream management on, and what its session stage may say to it. */
async function managed(options: Parameters<typeof start>[0] = {}) {
  const harness = await start({ ...options, c2s: { ...options.c2s } })
  const { fake } = harness
  const trimmed: QueuePlace[] = []
  Object.assign(fake.io.presence, {
    trimQueues: async (places: readonly QueuePlace[]) => void trimmed.push(...places),
  })
  const client = await harness.plain()
  await client.signIn()
  client.send(`<enable ${sm} resume='true'/>`)
  await harness.until(() => harness.published('enable').length === 1)
  const target = harness.published('enable')[0]?.target ?? { slot: 0, epoch: 0, connection: 0 }
  const signal = (head: SignalHead): void => fake.emit({ kind: 'signal', key: '', atMs: 0, target, head })
  signal({ signal: 'enabled', smId: 'sm-1', maxSeconds: 300 })
  await client.expect(/<enabled [^>]*>/)
  return { ...harness, client, target, signal, trimmed, deliver: deliverer(harness, target.connection) }
}

function deliverer({ fake }: Harness, connection: number) {
  return (...ordinals: readonly (number | undefined)[]): void =>
    fake.emit(
      ...ordinals.map(
        (ordinal): Envelope => ({
          kind: 'output',
          key: '',
          atMs: 0,
          slot: 3,
          epoch: 17,
          recipients: [{ connection, to: '', ...(ordinal === undefined ? {} : { ordinal }) }],
          raw: Buffer.from(`<message id='m${ordinal}'/>`),
        }),
      ),
    )
}

/** Produces that resolve when the test says so. */
function held({ fake }: Harness) {
  const waiting: (() => void)[] = []
  fake.publishWith = () => new Promise((resolve) => waiting.push(resolve))
  const release = (count: number): void => {
    for (const resolve of waiting.splice(0, count)) resolve()
  }
  return { waiting, release }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

async function received(client: TestClient, text: string): Promise<string> {
  await client.expect(new RegExp(`.*${text}`, 's')).then(([all]) => all)
  return client.text
}

describe('R1: an acknowledged stanza is a durable stanza', () => {
  it('XEP-0198 §4: <a/> waits until everything before the <r/> is durable', async () => {
    const harness = await managed()
    const { client, until, published } = harness
    const produces = held(harness)
    client.send(`<message/><message/><r ${sm}/><message/>`)
    await until(() => published('client').length === 3)
    await settled()
    assert.equal(client.text, '')
    produces.release(1)
    await settled()
    assert.equal(client.text, '')
    produces.release(1)
    assert.match((await client.expect(/<a [^>]*>/))[0], /h='2'/)
    client.send(`<r ${sm}/>`)
    produces.release(1)
    assert.match((await client.expect(/<a [^>]*>/))[0], /h='3'/)
  })

  it('a lease that ended meanwhile: no <a/>, nothing is written, the socket closes', async () => {
    const harness = await managed()
    const { client, until, published, fake, pod } = harness
    const produces = held(harness)
    client.send(`<message/><r ${sm}/>`)
    await until(() => published('client').length === 1)
    fake.isLeased = false
    produces.release(1)
    assert.equal(await client.closed(), '')
    await until(() => pod.pod.connections.size === 0)
    assert.equal(published('drop')[0]?.head.reason, 'fenced')
  })

  it('R7: a pod that wakes writes nothing of what its inbox holds, nor what it had queued', async () => {
    for (const when of ['before', 'after'] as const) {
      const { client, fake, deliver } = await managed()
      if (when === 'before') fake.isLeased = false
      deliver(1, 2)
      if (when === 'after') fake.isLeased = false
      assert.equal(await client.closed(), '')
    }
  })

  it('a bundle is written stanza by stanza, each counted from its first number on, and none twice', async () => {
    const { client, fake, target } = await managed()
    const raw = packRecord(['a', 'b', 'c'].map((id) => Buffer.from(`<message id='${id}'/>`)))
    const bundle = (ordinal: number): OutputBundle => ({
      kind: 'outputBundle',
      key: '',
      atMs: 0,
      slot: 3,
      epoch: 17,
      recipients: [{ connection: target.connection, to: '', ordinal }],
      raw,
    })
    fake.emit(bundle(1), bundle(1), { ...bundle(4), raw: new Uint8Array([9]) }, bundle(4))
    const [text] = await client.expect(/(<message[^>]*>.*){6}/s)
    assert.deepEqual(
      [...text.matchAll(/id='(\w)'/g)].map(([, id]) => id),
      ['a', 'b', 'c', 'a', 'b', 'c'],
    )
  })

  it('a produce that failed: no <a/>, the stream ends, the session stays', async () => {
    const { client, fake, published, until } = await managed()
    fake.publishWith = async ({ kind }) => {
      if (kind === 'client') throw new Error('refused')
    }
    client.send(`<message/><r ${sm}/>`)
    assert.doesNotMatch(await client.closed(), /<a .*h='1'/)
    await until(() => published('drop').length === 1)
    assert.equal(published('drop')[0]?.head.reason, 'log')
  })

  it('§4: stanzas before the <enable/> are not counted, those behind it are, also what the pod answers itself', async () => {
    const harness = await start()
    const client = await harness.plain()
    await client.signIn()
    client.send(`<presence/><enable ${sm}/><message to='@@'/><message/><r ${sm}/>`)
    await harness.until(() => harness.published('client').length === 2)
    const ordinals = harness.fake.published.flatMap(({ envelope }) => ('ordinal' in envelope ? [envelope.ordinal] : []))
    assert.deepEqual(ordinals, [1, 2, 3])
    await settled()
    assert.equal(client.text, '', 'the <r/> is answered behind <enabled/>')
    const { target } = harness.published('enable')[0] as unknown as { target: never }
    harness.fake.emit({
      kind: 'signal',
      key: '',
      atMs: 0,
      target,
      head: { signal: 'enabled', smId: 'sm-1', maxSeconds: 0 },
    })
    await client.expect(/<enabled [^>]*><a xmlns='urn:xmpp:sm:3' h='2'\/>/)
  })

  it('R4: the answer to a password change travels as an answered record, and what follows waits for it', async () => {
    let answer = (): void => {}
    const handler = () =>
      new Promise<never>((resolve) => {
        answer = () => resolve({ do: 'answer', effects: [] } as never)
      })
    const query = '{jabber:iq:register}query'
    const spec = { id: 'XEP-0077', name: 'x', version: '1', status: 'complete' }
    const register = { spec, features: [], streamIq: { [`set ${query}`]: handler } } as never
    const { client, until, published } = await managed({ modules: [register] })
    const request = xml('iq', { type: 'set', id: 'p1' }, xml('query', { xmlns: 'jabber:iq:register' }))
    client.send(`${request.toString()}<message/>`)
    await until(() => answer.name !== '' && published('client').length === 0)
    await settled()
    assert.equal(published('client').length, 0)
    answer()
    await until(() => published('client').length === 1)
    const [record] = published('answered')
    assert.equal(record?.ordinal, 1)
    assert.match(Buffer.from(record?.stanza?.raw ?? []).toString(), /type='result'/)
    assert.equal(published('client')[0]?.ordinal, 2)
    assert.equal(client.text, '')
  })
})

describe('R4: what is written', () => {
  it('only ordinal last + 1: repetitions are dropped, a gap closes the connection, and the session stays', async () => {
    const { client, deliver, fake, published, until } = await managed()
    deliver(1, 2, 1, 2, 3, 5, 4)
    const text = await client.closed()
    assert.deepEqual(
      [...text.matchAll(/id='(m\d)'/g)].map(([, id]) => id),
      ['m1', 'm2', 'm3'],
    )
    assert.match(text, /<undefined-condition/)
    assert.equal(fake.counts.sums.get('starling_c2s_sm_faults_total{repeated}'), 2)
    assert.equal(fake.counts.sums.get('starling_c2s_sm_faults_total{gap}'), 1)
    await until(() => published('drop').length === 1)
    assert.equal(published('drop')[0]?.head.reason, 'gap')
  })

  it('nothing countable without a number', async () => {
    const { client, deliver, fake } = await managed()
    deliver(undefined, 1)
    await client.expect(/^<message id='m1'\/>/)
    assert.equal(fake.counts.sums.get('starling_c2s_sm_faults_total{uncounted}'), 1)
  })

  it('§4: an <r/> after requestAfterStanzas at once, one at a time; else when requestAfterMs passed', async () => {
    const { client, deliver } = await managed({ sm: { requestAfterStanzas: 2, requestAfterMs: 30 } })
    deliver(1, 2, 3, 4, 5)
    assert.equal(await received(client, "<message id='m5'/>"), '')
    client.send(`<a ${sm} h='2'/>`)
    await client.expect(/<r [^>]*>/)
    client.send(`<a ${sm} h='5'/>`)
    deliver(6)
    await client.expect(/<message id='m6'\/><r |<message id='m6'\/>/)
    if (!client.text.includes('<r ')) await client.expect(/<r /)
  })

  it('§4: acknowledgements reach presence in one call, the latest of a queue', async () => {
    const { client, deliver, trimmed, until } = await managed()
    deliver(1, 2, 3)
    await client.expect(/m3/)
    client.send(`<a ${sm} h='1'/><a ${sm} h='2'/><a ${sm} h='2'/><a ${sm} h='1'/>`)
    await until(() => trimmed.length > 0)
    assert.deepEqual(trimmed, [{ account: `romeo@${domain}`, queue: 'sm-1', ordinal: 2 }])
  })

  it('§6: more acknowledged than sent', async () => {
    const { client, deliver, trimmed } = await managed()
    deliver(1)
    client.send(`<a ${sm} h='2'/>`)
    assert.match(await client.closed(), /<handled-count-too-high xmlns='urn:xmpp:sm:3' h='2' send-count='1'\/>/)
    assert.deepEqual(trimmed, [])
  })

  it('R8: above maxUnackedStanzas the connection ends, and the session stays', async () => {
    const { client, deliver, published } = await managed({ sm: { maxUnackedStanzas: 2 } })
    deliver(1, 2, 3)
    assert.match(await client.closed(), /m3.*<policy-violation/)
    assert.equal(published('drop')[0]?.head.reason, 'unacked')
  })

  it('no <a/> within ackTimeoutMs: connection-timeout, and the session stays', async () => {
    const { client, deliver, pass, published, fake } = await managed({ sm: { requestAfterStanzas: 1 } })
    deliver(1)
    await client.expect(/<r /)
    pass(fake.io.settings.sm.ackTimeoutMs - 100)
    client.send('<presence/>')
    await settled()
    pass(200)
    assert.match(await client.closed(), /<connection-timeout/)
    assert.equal(published('drop')[0]?.head.reason, 'timeout')
  })

  it('a silent client is asked by <r/>, not by an iq that would be counted', async () => {
    const { client, pass, fake } = await managed()
    pass(fake.io.settings.c2s.pingAfterMs)
    await client.expect(/^<r xmlns='urn:xmpp:sm:3'\/>$/)
    client.send(`<a ${sm} h='0'/>`)
  })

  it('a late answer to a ping from before is counted, as the client counts it', async () => {
    const harness = await start()
    const client = await harness.plain()
    await client.signIn()
    harness.pass(harness.fake.io.settings.c2s.pingAfterMs)
    const [, id = ''] = await client.expect(/id='(ping-[^']*)'/)
    client.send(`<enable ${sm}/><iq type='result' id='${id}'/>`)
    await harness.until(() => harness.published('client').length === 1)
    assert.equal(harness.published('client')[0]?.ordinal, 1)
  })
})

describe('R5: resumption', () => {
  async function resuming(options: Parameters<typeof start>[0] = {}) {
    const harness = await start(options)
    const client = await harness.plain()
    await client.startTls()
    await client.open()
    await client.scram('romeo', 'secret')
    assert.match(await client.open(), /<sm xmlns='urn:xmpp:sm:3'\/>/)
    client.send(`<resume ${sm} previd='sm-1' h='7'/>`)
    await harness.until(() => harness.published('resume').length === 1)
    const record = harness.published('resume')[0] as Extract<Envelope, { kind: 'resume' }>
    const signal = (head: SignalHead): void =>
      harness.fake.emit({ kind: 'signal', key: '', atMs: 0, target: record.target, head })
    return { ...harness, client, record, signal, deliver: deliverer(harness, record.target.connection) }
  }
  const resumed = { signal: 'resumed', smId: 'sm-1', jid, maxSeconds: 300 } as const

  it('travels under the account with the generation, after the roll names the session', async () => {
    const { record, fake } = await resuming()
    assert.equal(record.key, `romeo@${domain}`)
    assert.deepEqual(record.head, { smId: 'sm-1', h: 7, generation: 1, lang: '' })
    const roll = await fake.io.presence.readRoll({ slot: 3, epoch: 17 }, 10)
    assert.deepEqual(roll, [`${record.target.connection} romeo@${domain}`])
  })

  it('§5: counts go on on both sides, across 2^32, and the rest of the queue follows', async () => {
    const { client, signal, deliver, published, until } = await resuming()
    const acked = 2 ** 32 + 6
    signal({ ...resumed, count: 2 ** 32 - 1, ordinal: 41, acked })
    await client.expect(/<resumed xmlns='urn:xmpp:sm:3' previd='sm-1' h='4294967295'\/>/)
    deliver(acked, acked + 1, acked + 2)
    await client.expect(new RegExp(`^<message id='m${acked + 1}'/><message id='m${acked + 2}'/>`))
    client.send(`<a ${sm} h='8'/><message/><r ${sm}/>`)
    await client.expect(/<a xmlns='urn:xmpp:sm:3' h='0'\/>/)
    await until(() => published('client').length === 1)
    assert.equal(published('client')[0]?.ordinal, 42)
  })

  it('§5: refused: <failed/>, and a resource may be bound on the same stream', async () => {
    const { client, signal } = await resuming()
    signal({ signal: 'resumeRefused' })
    await client.expect(/<failed [^>]*><item-not-found/)
    await client.bind()
  })

  it('§6: a count too high ends the stream instead of resuming it', async () => {
    const { client, signal } = await resuming()
    signal({ signal: 'handledTooHigh', h: 7, sent: 3 })
    assert.match(await client.closed(), /<handled-count-too-high xmlns='urn:xmpp:sm:3' h='7' send-count='3'\/>/)
  })

  it('no answer at all: the client is told in time', async () => {
    const { client, pass } = await resuming()
    pass(60_000)
    assert.match(await client.closed(), /<internal-server-error/)
  })
})

describe('drain', () => {
  it('RFC 6120 §4.9.3.20: system-shutdown; what was acknowledged by the client is told, the session stays', async () => {
    const { client, deliver, pod, published, trimmed } = await managed()
    deliver(1, 2)
    await client.expect(/m2/)
    client.send(`<a ${sm} h='2'/><message/>`)
    await received(client, '')
    while (published('client').length === 0 || pod.pod.trims.count === 0) await settled()
    await pod.drain(2_000)
    assert.match(await client.closed(), /<a xmlns='urn:xmpp:sm:3' h='1'\/><stream:error><system-shutdown/)
    // R4: the trims may come after all that is done with the session
    assert.deepEqual(published('drop')[0]?.head, { reason: 'shutdown', acked: 2 })
    assert.equal(trimmed.at(-1)?.ordinal, 2)
  })

  it('waits until the log holds the last stanzas and every drop', async () => {
    const harness = await managed()
    const { client, pod, published, until } = harness
    const produces = held(harness)
    client.send('<message/>')
    await until(() => published('client').length === 1)
    let isDone = false
    const draining = drainPod(pod.pod, 5_000).then(() => {
      isDone = true
    })
    await until(() => published('drop').length === 1)
    await settled()
    assert.equal(isDone, false)
    produces.release(2)
    client.end()
    await draining
    assert.deepEqual(
      harness.fake.published.slice(-2).map(({ envelope }) => envelope.kind),
      ['client', 'drop'],
    )
  })
})
