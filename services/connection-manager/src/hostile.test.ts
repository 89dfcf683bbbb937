import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Envelope } from '@starling/wire'
import { auth, sasl } from './test-support/client.ts'
import { domain } from './test-support/fake-io.ts'
import { type Harness, useHarness } from './test-support/harness.ts'

const start = useHarness()

async function bound(options: Parameters<typeof start>[0] = {}) {
  const harness = await start(options)
  const client = await harness.plain()
  await client.signIn()
  const { connection } = harness.published('bind')[0]?.target ?? { connection: 0 }
  return { ...harness, client, connection }
}

function output(connection: number, raw: string | Buffer): Envelope {
  const bytes = typeof raw === 'string' ? Buffer.from(raw) : raw
  return { kind: 'output', key: '', atMs: 0, slot: 3, epoch: 17, recipients: [{ connection, to: '' }], raw: bytes }
}

function reasons({ published }: Harness): readonly string[] {
  return published('drop').map(({ head }) => head.reason)
}

describe('what a client may do wrong before it signs in', () => {
  const openings: readonly (readonly [string, string, RegExp])[] = [
    ['RFC 6120 §4.9.3.13: no XML at all', 'GET / HTTP/1.1\r\n\r\n', /<bad-format/],
    ['§4.9.3.6: another domain', header({ to: 'elsewhere.test' }), /<host-unknown/],
    ['§4.9.3.6: no domain', header({ to: undefined }), /<host-unknown/],
    ['§4.7.5: version 0.9', header({ version: undefined }), /<unsupported-version/],
    ['§4.9.3.10: another content namespace', header({ xmlns: 'jabber:server' }), /<invalid-namespace/],
    ['§11.1: a DTD', "<?xml version='1.0'?><!DOCTYPE x><x/>", /<restricted-xml|<not-well-formed/],
    ['§4.9.3.9: a from that is no address', header({ from: '@' }), /<invalid-from/],
    ['§4.9.3.12: a stanza first', `${header({})}<message/>`, /<not-authorized/],
    ['§8.3.1: an unknown element', `${header({})}<x xmlns='urn:x'/>`, /<not-authorized/],
  ]
  for (const [name, text, error] of openings) {
    it(name, async () => {
      const { plain } = await start({ c2s: { requireTls: false } })
      const client = await plain()
      client.send(text)
      const answer = await client.closed()
      assert.match(answer, error)
      assert.match(answer, /<stream:stream [^>]*>.*<\/stream:stream>$/s) // §4.9.1.2: the error stands in a stream
    })
  }

  it('§6.4.5: a wrong password and an unknown name get the same answers; the third ends the stream', async () => {
    const { plain, fake } = await start()
    const answers: string[][] = []
    for (const name of ['romeo', 'nobody']) {
      const client = await plain()
      await client.startTls()
      await client.open()
      const mine: string[] = []
      for (let attempt = 0; attempt < 3; attempt++) mine.push(await client.scram(name, 'wrong'))
      await client.expect(/<policy-violation/)
      await client.closed()
      answers.push(mine)
    }
    assert.deepEqual(answers[0], answers[1])
    assert.match(answers[0]?.[0] ?? '', /<not-authorized\/>/)
    // the same questions are asked for both
    assert.equal(fake.asked.length, 6)
    assert.equal(fake.counts.sums.get('starling_c2s_sign_in_failures_total{not-authorized}'), 6)
  })

  it('§6.5: broken base64, an unknown mechanism, a response out of turn, an abort', async () => {
    const cases: readonly (readonly [string, string])[] = [
      ["<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>***</auth>", 'incorrect-encoding'],
      [auth('X-NONE', 'x'), 'invalid-mechanism'],
      [sasl('response', 'x'), 'malformed-request'],
      [auth('PLAIN', 'no nul'), 'malformed-request'],
      ["<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", 'aborted'],
      [auth('PLAIN', 'juliet@starling.test\0romeo\0secret'), 'invalid-authzid'],
    ]
    const { secure } = await start()
    for (const [text, condition] of cases) {
      const client = await secure()
      await client.open()
      client.send(text)
      await client.expect(new RegExp(`<failure [^>]*><${condition}/>`))
    }
  })

  it('§6.5.11: storage away is a temporary failure', async () => {
    const { secure, fake } = await start()
    fake.answerWith = () => ({ ok: false, error: 'timeout' })
    const client = await secure()
    await client.open()
    assert.match(await client.scram('romeo', 'secret').catch(String), /temporary-auth-failure/)
  })

  it('a login flood from one address is refused although the password is right', async () => {
    const { secure, fake } = await start()
    await fake.io.presence.addToCounter('login-failures:127.0.0.1', 60, 60_000)
    const client = await secure()
    await client.open()
    assert.match(await client.scram('romeo', 'secret'), /temporary-auth-failure/)
  })

  it('streamsPerAddress: one too many is told so, and a place comes free again', async () => {
    const { plain, secure, until, pod } = await start({ c2s: { streamsPerAddress: 1 } })
    const first = await plain()
    await first.open()
    const second = await plain()
    assert.match(await second.closed(), /<policy-violation/)
    await assert.rejects(secure()) // no handshake only to say no
    first.end()
    await until(() => pod.pod.connections.size === 0)
    const third = await plain()
    await third.open()
  })

  it('unauthenticatedTimeoutMs: who does not sign in is sent away, header or not, TLS or not', async () => {
    const { plain, pass, pod, until } = await start({ c2s: { unauthenticatedTimeoutMs: 1_000 } })
    const silent = await plain()
    const open = await plain()
    await open.open()
    const securing = await plain()
    await securing.open()
    securing.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    await securing.expect(/<proceed/)
    pass(1_001)
    assert.match(await open.closed(), /<connection-timeout/)
    await silent.closed()
    await securing.closed()
    await until(() => pod.pod.connections.size === 0)
  })

  it('§4.9.3.17: no new streams while the log is away', async () => {
    const { plain, fake } = await start()
    fake.isReady = false
    const client = await plain()
    client.header()
    assert.match(await client.closed(), /<resource-constraint/)
  })

  it('sizes before sign-in are small', async () => {
    const { plain } = await start({ c2s: { requireTls: false } })
    const client = await plain()
    await client.open()
    client.send(auth('PLAIN', 'x'.repeat(20_000)))
    assert.match(await client.closed(), /<policy-violation/)
  })
})

describe('what a bound client may do wrong', () => {
  const endings: readonly (readonly [string, string, RegExp])[] = [
    ['RFC 6120 §8.1.2.1: a forged from', "<message from='juliet@starling.test'/>", /<invalid-from/],
    ['§8.1.2.1: a broken from', "<message from='@'/>", /<invalid-from/],
    ['§4.9.3.24: an unknown element', "<x xmlns='urn:x'/>", /<unsupported-stanza-type/],
    ['§4.9.3.13: not well-formed', '<message></presence>', /<not-well-formed/],
    ['§11.1: a comment', '<message><!-- x --></message>', /<restricted-xml/],
    ['§4.9.3.1: text between stanzas', 'hello', /<bad-format/],
    ['a stanza over the size limit', `<message><body>${'x'.repeat(300_000)}</body></message>`, /<policy-violation/],
    ['depth 100,000', '<a>'.repeat(100_000), /<policy-violation/],
    ['an id longer than an envelope carries', `<message id='${'x'.repeat(70_000)}'/>`, /<policy-violation/],
    ['an unknown type of iq with such an id', `<iq type='x' id='${'x'.repeat(70_000)}'/>`, /<policy-violation/],
    ['a payload name like that', `<message><${'x'.repeat(70_000)}/></message>`, /<policy-violation/],
    ['§4.9.3.1: a header inside of a stream', header({}), /<bad-format|<not-well-formed|<restricted-xml/],
    ['SASL again', auth('PLAIN', 'x'), /<unsupported-stanza-type/],
  ]
  for (const [name, text, error] of endings) {
    it(name, async () => {
      const { client, published, fake } = await bound()
      client.send(text)
      assert.match(await client.closed(), error)
      assert.equal(published('client').length, 0)
      assert.deepEqual(
        published('drop').map(({ head }) => head.reason),
        ['stream-error'],
      )
      assert.equal(fake.counts.sums.get('starling_c2s_bugs_total'), undefined)
    })
  }

  it('§8.3.3.8, R4: what is broken is answered by way of the log, counted, and the stream goes on', async () => {
    const { client, published, until } = await bound()
    client.send(
      "<message to='@@' id='1'/><iq type='get' id='2'/><iq type='set'><x xmlns='urn:x'/></iq><iq type='result'/><presence/>",
    )
    await until(() => published('client').length === 1)
    assert.equal(published('client')[0]?.ordinal, 5)
    const answered = published('answered')
    assert.deepEqual(
      answered.map(({ ordinal }) => ordinal),
      [1, 2, 3, 4],
    )
    const [first = '', second = '', third = '', fourth] = answered.map(({ stanza }) =>
      stanza === undefined ? undefined : Buffer.from(stanza.raw).toString(),
    )
    assert.match(first, /<message type='error' id='1'[^>]*><error type='modify'><jid-malformed/)
    assert.match(second, /<iq type='error' id='2'[^>]*><error type='modify'><bad-request/)
    assert.match(third, /<iq type='error'[^>]*><error type='modify'><bad-request/)
    assert.equal(fourth, undefined, 'a broken answer is not answered (RFC 6120 §8.3.1)')
    assert.equal(client.text, '', 'nothing countable is written by the pod itself')
  })

  it('§8.1.2.1: its own full or bare JID as from is fine, in any spelling', async () => {
    const { client, published, until } = await bound()
    for (const from of [`romeo@${domain}`, `romeo@${domain}/balcony`, `ROMEO@${domain}`]) {
      client.send(`<message from='${from}'/>`)
    }
    await until(() => published('client').length === 3)
    assert.ok(published('client').every(({ stanza }) => stanza.from === `romeo@${domain}/balcony`))
  })

  it('a slow loris: an element that does not end in time', async () => {
    const harness = await bound()
    harness.client.send('<message>')
    const [connection] = harness.pod.pod.connections.values()
    await harness.until(() => connection?.intake.isPartial === true)
    harness.pass(1)
    harness.client.send('<body>')
    harness.pass(59_000)
    assert.equal(harness.pod.pod.connections.size, 1)
    harness.pass(1_001)
    assert.match(await harness.client.closed(), /<connection-timeout/)
  })

  it('a client that never reads is ended at maxOutputBytes, and its memory given back', async () => {
    const harness = await bound({ c2s: { maxOutputBytes: 1_000_000 } })
    const { fake, client, connection, pod, until, pass } = harness
    client.socket.pause()
    const message = `<message><body>${'x'.repeat(50_000)}</body></message>`
    for (let count = 0; count < 2_000 && reasons(harness).length === 0; count++) {
      fake.emit(output(connection, message))
      await new Promise(setImmediate)
    }
    assert.deepEqual(reasons(harness), ['output-limit'])
    assert.ok((pod.pod.connections.get(connection)?.link?.queuedBytes ?? 0) < 60_000)
    pass(6_000)
    await until(() => pod.pod.connections.size === 0)
  })

  it('RFC 6120 §4.6.4: a silent client is pinged, and ended when it does not answer', async () => {
    const harness = await bound({ c2s: { pingAfterMs: 10_000, pingTimeoutMs: 5_000 } })
    const { client, pass, published, until } = harness
    pass(10_001)
    const [, id] = await client.expect(/<iq type='get' id='(ping-[^']*)'[^>]*><ping xmlns='urn:xmpp:ping'\/><\/iq>/)
    client.send(`<iq type='result' id='${id}'/><presence/>`)
    await until(() => published('client').length === 1) // the answer itself is nobody else's
    assert.equal(published('client')[0]?.stanza.kind, 'presence')
    pass(10_001)
    await client.expect(/<ping/)
    pass(5_001)
    assert.match(await client.closed(), /<connection-timeout/)
    assert.deepEqual(reasons(harness), ['timeout'])
  })
})

function header(more: {
  to?: string | undefined
  version?: string | undefined
  xmlns?: string
  from?: string
}): string {
  const { to, version, xmlns, from } = { to: domain, version: '1.0', xmlns: 'jabber:client', from: undefined, ...more }
  const attributes = Object.entries({ to, version, xmlns, from }).flatMap(([name, value]) =>
    value === undefined ? [] : [` ${name}='${value}'`],
  )
  return `<stream:stream xmlns:stream='http://etherx.jabber.org/streams'${attributes.join('')}>`
}
