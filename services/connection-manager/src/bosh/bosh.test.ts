import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bindRequest, scramWith } from '../test-support/client.ts'
import { domain } from '../test-support/fake-io.ts'
import { type Harness, useHarness } from '../test-support/harness.ts'

const start = useHarness()
const httpbind = 'http://jabber.org/protocol/httpbind'
const noSasl2 = { c2s: { requireTls: false } }

/** A client of bodies: one request after another, elements as they come. */
class Peer {
  readonly url: string
  sid = ''
  rid = 4_711
  #elements = ''

  constructor(harness: Harness) {
    this.url = `http://127.0.0.1:${harness.fake.httpPort()}/http-bind`
  }

  async post(text: string, headers: Record<string, string> = {}): Promise<string> {
    const response = await fetch(this.url, { method: 'POST', body: text, headers })
    assert.equal(response.status, 200)
    return await response.text()
  }

  /** The next request. */
  body(attributes = '', inner = '', rid = ++this.rid): Promise<string> {
    const sid = this.sid === '' ? '' : ` sid='${this.sid}'`
    return this.post(
      `<body rid='${rid}'${sid} ${attributes} xmlns='${httpbind}' xmlns:xmpp='urn:xmpp:xbosh'>${inner}</body>`,
    )
  }

  async begin(attributes = "wait='60' hold='1'"): Promise<string> {
    const answer = await this.body(`to='${domain}' ver='1.6' ${attributes} xmpp:version='1.0'`)
    this.sid = /sid='([^']+)'/.exec(answer)?.[1] ?? ''
    return answer
  }

  restart(): Promise<string> {
    return this.body(`to='${domain}' xmpp:restart='true'`)
  }

  // what scramWith needs
  send(text: string): void {
    void this.body('', text).then((answer) => {
      this.#elements += answer
    })
  }

  async expect(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#elements)
      if (match !== null) {
        this.#elements = this.#elements.slice(match.index + match[0].length)
        return match
      }
      await new Promise(setImmediate)
    }
  }
}

async function dial(harness: Harness): Promise<Peer> {
  await harness.fake.listenHttp()
  return new Peer(harness)
}

async function signIn(harness: Harness, attributes?: string): Promise<Peer> {
  const peer = await dial(harness)
  await peer.begin(attributes)
  assert.match(await scramWith(peer, { name: 'romeo', password: 'secret' }), /<success/)
  assert.match(await peer.restart(), /<bind/)
  assert.match(await peer.body('', bindRequest('balcony')), /type='result'/)
  return peer
}

describe('XEP-0124 and XEP-0206: BOSH', () => {
  it('0124 §7.2, 0206 §3: the first answer says what holds, and brings the features', async () => {
    const peer = await dial(await start(noSasl2))
    const answer = await peer.begin("wait='90' hold='3' ack='1'")
    const start1 = /^<body [^>]*>/.exec(answer)?.[0] ?? ''
    for (const part of [
      "wait='60'",
      "hold='1'",
      "requests='2'",
      "ver='1.6'",
      `from='${domain}'`,
      "xmpp:restartlogic='true'",
    ]) {
      assert.ok(start1.includes(part), part)
    }
    assert.ok(start1.includes(`ack='${peer.rid}'`))
    assert.match(start1, /authid='[^']+'/)
    assert.match(answer, /<stream:features [^>]*>.*SCRAM-SHA-256/)
    assert.ok(!answer.includes('starttls'))
  })

  it('0206 §4: sign-in, a restart, a resource; then stanzas both ways, those without a namespace too', async () => {
    const harness = await start()
    const peer = await signIn(harness)
    const poll = peer.body(
      '',
      "<presence/><message xmlns='jabber:client' to='juliet@capulet.example'><body>é</body></message>",
    )
    await harness.until(() => harness.published('client').length === 2)
    const [presence, message] = harness.published('client')
    assert.equal(String(presence?.stanza.raw), `<presence from='romeo@${domain}/balcony'/>`)
    assert.match(String(message?.stanza.raw), /<body>é<\/body>/)
    const output = { kind: 'output', key: '', atMs: 0, slot: 3, epoch: 17 } as const
    const recipients = [{ connection: presence?.target.connection ?? 0, to: '' }]
    const raw = Buffer.from('<message><body>ü</body></message>')
    harness.fake.emit({ ...output, recipients, raw }, { ...output, recipients, raw: Buffer.from('<presence/>') })
    assert.equal(
      await poll,
      `<body xmlns='${httpbind}' xmlns:stream='http://etherx.jabber.org/streams'>` +
        "<message xmlns='jabber:client'><body>ü</body></message><presence xmlns='jabber:client'/></body>",
    )
  })

  it('0124 §13: the end is told to the session stage, and answered', async () => {
    const harness = await start()
    const peer = await signIn(harness)
    const answer = await peer.body("type='terminate'", "<presence type='unavailable'/>")
    assert.match(answer, /^<body [^>]*type='terminate'/)
    await harness.until(() => harness.published('drop').length === 1)
    assert.equal(harness.published('client').length, 1)
    assert.match(await peer.body(), /condition='item-not-found'/)
  })

  it('0206 §5: a stream error comes within the last body', async () => {
    const peer = await dial(await start(noSasl2))
    await peer.begin()
    const answer = await peer.body('', "<message to='juliet@capulet.example'/>")
    assert.match(
      answer,
      /^<body [^>]*type='terminate' condition='remote-stream-error'>.*<stream:error .*<not-authorized /,
    )
  })

  it('0124 §14.2: what comes out of order waits for what is missing; what is out of the window ends the session', async () => {
    const harness = await start()
    const peer = await signIn(harness)
    const rid = peer.rid
    const second = peer.body('', "<message id='two' to='a@b.example'/>", rid + 2)
    const first = peer.body('', "<message id='one' to='a@b.example'/>", rid + 1)
    assert.equal(await first, `<body xmlns='${httpbind}'/>`) // no more than one is held
    const ids = harness.published('client').map(({ stanza }) => stanza.id)
    assert.deepEqual(ids, ['one', 'two'])
    assert.match(await peer.body('', '', rid + 9), /type='terminate' condition='item-not-found'/)
    assert.equal(await second, `<body xmlns='${httpbind}'/>`)
    await harness.until(() => harness.published('drop').length === 1)
  })

  it('0124 §14.3: who asks again gets the same answer, and nothing is handled twice', async () => {
    const harness = await start()
    const peer = await signIn(harness)
    const held = peer.body('', "<message id='one' to='a@b.example'/>")
    await harness.until(() => harness.published('client').length === 1)
    const again = peer.body('', "<message id='one' to='a@b.example'/>", peer.rid)
    assert.equal(await held, `<body xmlns='${httpbind}' type='error'/>`) // §17.3
    const next = peer.body()
    const answer = await again
    assert.equal(await peer.body('', '', peer.rid - 1), answer)
    assert.equal(harness.published('client').length, 1)
    harness.pass(60_000)
    assert.equal(await next, `<body xmlns='${httpbind}'/>`) // §8: after `wait`
  })

  it('0124 §10: a client that stays away is lost; a pause gives it longer', async () => {
    const harness = await start({ c2s: { pingAfterMs: 0 } })
    const peer = await signIn(harness)
    assert.equal(await peer.body("pause='100'"), `<body xmlns='${httpbind}'/>`)
    harness.pass(90_000)
    assert.equal(harness.published('drop').length, 0)
    harness.pass(20_000)
    await harness.until(() => harness.published('drop').length === 1)
    assert.equal(harness.pod.pod.transports.bosh, 0)
    assert.match(await peer.body(), /condition='item-not-found'/)
  })

  it('0124 §12: a client that polls is answered at once, and not more often than was agreed', async () => {
    const harness = await start()
    const peer = await dial(harness)
    await peer.begin("wait='0' hold='0'")
    harness.pass(3_000)
    const empty = await peer.body()
    assert.match(empty, /<stream:features|^<body xmlns='[^']*'\/>$/)
    harness.pass(3_000)
    await peer.body()
    assert.match(await peer.body(), /type='terminate' condition='policy-violation'/)
  })

  it('0124 §15: a key that is not the next one of the chain ends the session', async () => {
    const harness = await start(noSasl2)
    const peer = await dial(harness)
    // SHA-1 of `abc`
    await peer.begin("wait='60' hold='0' newkey='A9993E364706816ABA3E25717850C26C9CD0D89D'")
    harness.pass(3_000)
    assert.equal(await peer.body("key='abc'"), `<body xmlns='${httpbind}'/>`)
    harness.pass(3_000)
    assert.match(await peer.body("key='abc'"), /condition='item-not-found'/)
  })

  it('0124 §17.2: what is no body is told so, and throws nothing', async () => {
    const harness = await start(noSasl2)
    const peer = await dial(harness)
    const bad = [
      '',
      'x',
      '<body/>',
      `<body xmlns='${httpbind}'/>`,
      `<body rid='1' xmlns='${httpbind}'>`,
      '<!DOCTYPE a><a/>',
      `<body rid='-1' xmlns='${httpbind}'/>`,
      `<body rid='1' xmlns='${httpbind}'>text</body>`,
      `<x rid='1' xmlns='${httpbind}'/>`,
      `<body rid='99999999999999999' xmlns='${httpbind}'/>`,
      `<body rid='1' xmlns='${httpbind}'/><body/>`,
    ]
    for (const text of bad) {
      assert.equal(await peer.post(text), `<body xmlns='${httpbind}' type='terminate' condition='bad-request'/>`, text)
    }
    assert.match(await peer.post(`<body rid='1' sid='nobody' xmlns='${httpbind}'/>`), /condition='item-not-found'/)
    const huge = await fetch(peer.url, { method: 'POST', body: 'x'.repeat(5_000_000) }).catch(() => undefined)
    assert.ok(huge === undefined || huge.status === 413)
    const options = await fetch(peer.url, { method: 'OPTIONS' })
    assert.equal(options.headers.get('access-control-allow-origin'), '*')
    assert.equal((await fetch(peer.url)).status, 200)
    assert.equal((await fetch(peer.url, { method: 'DELETE' })).status, 405)
  })

  it('R7: without a lease nothing goes out, and the session is no more', async () => {
    const harness = await start()
    const peer = await signIn(harness)
    const held = peer.body('', '<presence/>')
    await harness.until(() => harness.published('client').length === 1)
    const connection = harness.published('client')[0]?.target.connection ?? 0
    harness.fake.isLeased = false
    const output = { kind: 'output', key: '', atMs: 0, slot: 3, epoch: 17 } as const
    harness.fake.emit({ ...output, recipients: [{ connection, to: '' }], raw: Buffer.from('<message/>') })
    await assert.rejects(held)
    assert.match(await peer.body(), /condition='item-not-found'/)
  })

  it('R8: what waits for a client that does not ask is limited; then it is told so', async () => {
    const harness = await start({ c2s: { maxOutputBytes: 10_000 } })
    const peer = await signIn(harness)
    await peer.body("pause='100'", '<presence/>')
    await harness.until(() => harness.published('client').length === 1)
    const connection = harness.published('client')[0]?.target.connection ?? 0
    const output = { kind: 'output', key: '', atMs: 0, slot: 3, epoch: 17 } as const
    const raw = Buffer.from(`<message><body>${'x'.repeat(4_000)}</body></message>`)
    for (let at = 0; at < 5; at++) harness.fake.emit({ ...output, recipients: [{ connection, to: '' }], raw })
    await harness.until(() => harness.published('drop').length === 1)
    assert.match(
      await peer.body(),
      /^<body [^>]*type='terminate' condition='remote-stream-error'>.*<policy-violation .*too much unread output/,
    )
  })
})
