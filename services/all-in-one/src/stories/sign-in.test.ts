import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { connect, type Device } from '@starling/testkit'
import { client, type XmppClient, type XmppElement, xml } from '@xmpp/client'
import { type Server, startEmbedded } from './embedded.ts'

// The certificate of a test is its own: nobody signed it. In production clients check it.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'

const uuid = 'd4565fa7-4d72-4749-b3d3-740edbf87770'

/** A token as @xmpp/client keeps it. */
interface KeptToken {
  readonly mechanism: string
  readonly token: string
  readonly expiry: string
}

/** What its types do not say of the client. */
interface Signing {
  readonly fast: { fetch(): Promise<KeptToken | undefined> }
  start(): Promise<{ toString(): string }>
  /** A TLS socket of Node, or what has one. */
  readonly socket: { readonly socket?: { destroy(): void }; destroy?(): void } | null
}

/** How a stream of the client comes to TLS. */
const services = { 'direct TLS': ['xmpps', 'c2sTls'], STARTTLS: ['xmpp', 'c2s'] } as const

/** What a client is made with beside its account. */
interface More {
  readonly password?: string
  readonly token?: KeptToken
  readonly over?: keyof typeof services
}

/** A client of an account with what it sends; it signs in by the token it is given, if any. */
function clientOf(server: Server, username: string, more: More = {}) {
  const { password = 'secret', token, over = 'direct TLS' } = more
  const [scheme, port] = services[over]
  const options = {
    service: `${scheme}://127.0.0.1:${server.running.ports[port]}`,
    domain: 'localhost',
    username,
    password,
    resource: 'phone',
    userAgent: xml('user-agent', { id: uuid }),
    credentials: { username, password, ...(token === undefined ? {} : { token }) },
  }
  const xmpp = client(options) as unknown as Omit<XmppClient, 'socket'> & Signing
  xmpp.timeout = 30_000
  const sent: XmppElement[] = []
  xmpp.on('send', (element: XmppElement) => sent.push(element))
  xmpp.on('error', () => undefined)
  xmpp.reconnect.stop()
  const mechanisms = (): readonly (string | undefined)[] =>
    sent.filter((element) => element.is('authenticate')).map((element) => element.attrs['mechanism'])
  return { xmpp, sent, mechanisms }
}

/** Resolves once the client heard a message with this body; tells every body it heard. */
function hearing(
  xmpp: Pick<XmppClient, 'on'>,
  body: string,
): { readonly bodies: readonly string[]; readonly heard: Promise<void> } {
  const bodies: string[] = []
  const heard = new Promise<void>((resolve) => {
    xmpp.on('stanza', (stanza: XmppElement) => {
      const text = stanza.is('message') ? stanza.getChildText('body') : null
      if (text === null) return
      bodies.push(text)
      if (text === body) resolve()
    })
  })
  return { bodies, heard }
}

describe('signing in by SASL2, as @xmpp/client does it', () => {
  let server: Server
  let juliet: Device
  before(async () => {
    server = await startEmbedded()
    for (const name of ['juliet', 'romeo', 'benvolio', 'mercutio'])
      await server.createAccount(`${name}@localhost`, 'secret')
    juliet = await connect(server.reach, { username: 'juliet', password: 'secret' })
  })
  after(async () => {
    await juliet.close()
    await server.end()
  })

  it('XEP-0386 §3.2.1: the resource has the tag, is the same at every sign-in, and does not show the client’s id', async () => {
    const first = clientOf(server, 'benvolio')
    const jid = String(await first.xmpp.start())
    assert.match(jid, /^benvolio@localhost\/phone\/[\w-]{12}$/)
    assert.ok(!jid.includes(uuid))
    const ended = new Promise((resolve) => first.xmpp.on('disconnect', resolve))
    const second = clientOf(server, 'benvolio')
    assert.equal(String(await second.xmpp.start()), jid)
    await ended // §3.2: the earlier session of the same client ends
    await second.xmpp.stop()
  })

  for (const over of ['direct TLS', 'STARTTLS'] as const)
    it(`XEP-0484, XEP-0198 §9: behind ${over} a lost session is resumed by one element with a token, and nothing is lost`, async () => {
      const { xmpp, sent, mechanisms } = clientOf(server, 'romeo', { over })
      await xmpp.start()
      await xmpp.send(xml('presence'))
      const first = hearing(xmpp, 'one')
      await juliet.message('romeo@localhost', 'one')
      await first.heard
      assert.equal((await xmpp.fast.fetch())?.mechanism, 'HT-SHA-256-NONE')
      const cut = new Promise((resolve) => xmpp.on('disconnect', resolve))
      ;(xmpp.socket?.socket ?? xmpp.socket)?.destroy?.()
      await cut
      await juliet.message('romeo@localhost', 'two')
      sent.length = 0
      const second = hearing(xmpp, 'two')
      const resumed = new Promise<void>((resolve) => xmpp.streamManagement.on('resumed', resolve))
      await xmpp.reconnect.reconnect()
      await resumed
      await second.heard
      if (over === 'STARTTLS') assert.equal(sent.shift()?.name, 'starttls')
      const [authenticate] = sent
      assert.deepEqual(mechanisms(), ['HT-SHA-256-NONE'])
      assert.ok(authenticate?.getChild('resume', 'urn:xmpp:sm:3') !== undefined)
      assert.ok(
        sent.slice(1).every((element) => element.attrs['xmlns'] === 'urn:xmpp:sm:3'),
        'no further step',
      )
      assert.deepEqual(second.bodies, ['two'])
      await xmpp.stop()
    })

  it('XEP-0198 §9.2.1: where the session is gone, the same step gives a new one', async () => {
    const { xmpp, sent } = clientOf(server, 'benvolio')
    const { streamManagement } = xmpp
    Object.assign(streamManagement, { id: 'nowhere' })
    const jid = String(await xmpp.start())
    const [authenticate] = sent
    assert.equal(authenticate?.getChild('resume', 'urn:xmpp:sm:3')?.attrs['previd'], 'nowhere')
    assert.match(jid, /^benvolio@localhost\/phone\//)
    assert.ok(streamManagement.enabled && streamManagement.id !== 'nowhere')
    await xmpp.stop()
  })

  it('a new password ends the tokens of the old one: the client falls back to its password', async () => {
    const { xmpp } = clientOf(server, 'mercutio')
    await xmpp.start()
    const token = await xmpp.fast.fetch()
    assert.ok(token !== undefined)
    const byToken = clientOf(server, 'mercutio', { token })
    await byToken.xmpp.start()
    assert.deepEqual(byToken.mechanisms(), ['HT-SHA-256-NONE'])
    await byToken.xmpp.iqCaller.request(
      xml(
        'iq',
        { type: 'set' },
        xml('query', { xmlns: 'jabber:iq:register' }, xml('username', {}, 'mercutio'), xml('password', {}, 'another')),
      ),
      30_000,
    )
    await byToken.xmpp.stop()
    const afterwards = clientOf(server, 'mercutio', { password: 'another', token })
    await afterwards.xmpp.start()
    assert.deepEqual(afterwards.mechanisms(), ['HT-SHA-256-NONE', 'SCRAM-SHA-1'])
    const renewed = await afterwards.xmpp.fast.fetch()
    assert.ok(renewed !== undefined && renewed.token !== token.token)
    await afterwards.xmpp.stop()
  })

  it('a client that does not know SASL2 signs in as ever', async () => {
    const device = await connect(server.reach, {
      username: 'benvolio',
      password: 'secret',
      resource: 'old',
      ignores: ['urn:xmpp:sasl:2'],
    })
    assert.equal(device.jid, 'benvolio@localhost/old')
    await device.close()
  })
})
