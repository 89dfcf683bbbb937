import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { connect, type Device, makeTestCertificates, type Reach } from '@starling/testkit'
import { xml } from '@xmpp/client'
import { createAccount } from './stories/embedded.ts'
import { startTold } from './test-process.ts'

// The certificate of a test is its own: nobody signed it. In production clients check it.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'

const token = 'a-token-of-the-stories'
const password = 'wherefore art thou'

/** A server of its own process, told of its domains by its file and SIGHUP. */
async function launch(folder: string) {
  const config = join(folder, 'starling.yaml')
  const write = (...domains: readonly string[]): void => {
    const lines = [
      'domain: verona.example',
      `domains: [${domains.join(', ')}]`,
      'ports: { c2s: 0, c2sTls: 0, http: 0 }',
      'listen: { c2s: 127.0.0.1, http: 127.0.0.1 }',
      `dataDir: ${folder}`,
      `tls: { directory: ${join(folder, 'certificates')} }`,
      `admin: { token: ${token} }`,
      'scram: { iterations: 4096 }',
    ]
    writeFileSync(config, `${lines.join('\n')}\n`)
  }
  write()
  const { child, said } = startTold(config)
  let reloads = 0
  await said('process.ready')
  const { c2s, c2sTls } = (await said('listening')) as { readonly c2s: number; readonly c2sTls: number }
  const http = Number(JSON.parse(readFileSync(join(folder, 'running.json'), 'utf8')).ports.http)
  return {
    c2s,
    c2sTls,
    http,
    reload: async (...domains: readonly string[]) => {
      write(...domains)
      child.kill('SIGHUP')
      reloads += 1
      return said('process.reloaded', reloads)
    },
    end: async () => {
      child.kill('SIGTERM')
      await once(child, 'close')
    },
  }
}

/** What a server says to the header of a stream to a domain. */
async function greeted(port: number, domain: string): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1')
  socket.write(
    `<stream:stream to='${domain}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`,
  )
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  while (!/<\/stream:(features|error)>/.test(text)) await once(socket, 'data')
  socket.destroy()
  return text
}

/** Names in the certificate that a server shows to who asks for a domain. */
async function shown(port: number, servername: string): Promise<string> {
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    servername,
    rejectUnauthorized: false,
    ALPNProtocols: ['xmpp-client'],
  })
  await once(socket, 'secureConnect')
  const { subjectaltname = '' } = socket.getPeerCertificate()
  socket.destroy()
  return subjectaltname
}

describe('several domains', () => {
  const folder = mkdtempSync(join(tmpdir(), 'starling-domains-'))
  let server: Awaited<ReturnType<typeof launch>>
  const devices: Device[] = []
  const reach = (domain: string): Reach => ({ domain, c2s: server.c2s, http: server.http })
  const device = async (domain: string, username: string, transport: 'tcp' | 'websocket' = 'tcp'): Promise<Device> => {
    await createAccount(server.http, token, { jid: `${username}@${domain}`, password })
    const made = await connect(reach(domain), { username, password, transport })
    devices.push(made)
    await made.available()
    return made
  }

  before(async () => {
    server = await launch(folder)
  })
  after(async () => {
    await Promise.allSettled(devices.map((one) => one.close()))
    await server?.end()
    rmSync(folder, { recursive: true })
  })

  it('a domain that is not served: host-unknown (RFC 6120 §4.9.3.6), no accounts, and a remote address for those who are here', async () => {
    assert.match(await greeted(server.c2s, 'mantua.example'), /from='verona.example'.*<host-unknown/s)
    await assert.rejects(
      createAccount(server.http, token, { jid: 'romeo@mantua.example', password }),
      /not of this server/,
    )
    const juliet = await device('verona.example', 'juliet')
    await juliet.message('romeo@mantua.example', 'art thou there?')
    const bounce = await juliet.next('the bounce', (stanza) => stanza.attrs['type'] === 'error')
    assert.ok(bounce.getChild('error')?.getChild('remote-server-not-found'))
  })

  it('SIGHUP adds one: accounts, sign-in over TCP and WebSocket, messages and presence across domains', async () => {
    const { changed } = await server.reload('mantua.example')
    assert.deepEqual(changed, ['domains'])
    assert.match(await greeted(server.c2s, 'MANTUA.example.'), /from='mantua.example'/)
    const romeo = await device('mantua.example', 'romeo')
    const tybalt = await device('mantua.example', 'juliet', 'websocket')
    const juliet = devices[0] ?? assert.fail('she is here since before')
    assert.match(romeo.jid, /^romeo@mantua\.example\//)
    await juliet.message(romeo.bare, 'banished')
    assert.deepEqual((({ body, from }) => [body, from])(await romeo.nextBody()), ['banished', juliet.jid])
    await romeo.message('juliet@verona.example', 'to her of Verona')
    assert.equal((await juliet.nextBody()).body, 'to her of Verona')
    await romeo.message('juliet@mantua.example', 'to her of Mantua')
    assert.equal(
      (await tybalt.nextBody()).body,
      'to her of Mantua',
      'the same name at another domain is another account',
    )
    await romeo.send(xml('presence', { to: juliet.bare, type: 'subscribe' }))
    await juliet.next(
      'his request',
      (stanza) => stanza.attrs['type'] === 'subscribe' && stanza.attrs['from'] === romeo.bare,
    )
    await juliet.send(xml('presence', { to: romeo.bare, type: 'subscribed' }))
    await romeo.next('her presence', (stanza) => stanza.is('presence') && stanza.attrs['from'] === juliet.jid)
  })

  it('each domain answers for itself: disco (XEP-0030) and ping (XEP-0199)', async () => {
    const [juliet, romeo] = devices
    for (const [who, domain] of [
      [juliet, 'verona.example'],
      [romeo, 'mantua.example'],
      [juliet, 'mantua.example'],
    ] as const) {
      const answer = await who?.request('get', xml('query', { xmlns: 'http://jabber.org/protocol/disco#info' }), domain)
      assert.equal(answer?.attrs['from'], domain)
      assert.ok(answer?.getChild('query')?.getChild('identity'))
      await who?.request('get', xml('ping', { xmlns: 'urn:xmpp:ping' }), domain)
    }
  })

  it('each gets its own certificate by its name (RFC 6066 §3), a file of tls.directory once it is there', async () => {
    assert.match(await shown(server.c2sTls, 'verona.example'), /DNS:verona\.example/)
    assert.match(await shown(server.c2sTls, 'mantua.example'), /DNS:mantua\.example/)
    assert.match(await shown(server.c2sTls, 'nowhere.example'), /DNS:verona\.example/)
    const made = await makeTestCertificates(join(folder, 'made'), 'padua.example')
    mkdirSync(join(folder, 'certificates'))
    for (const [from, to] of [
      [made.client.certificateFile, 'crt'],
      [made.client.keyFile, 'key'],
    ] as const) {
      writeFileSync(join(folder, 'certificates', `padua.example.${to}`), readFileSync(from))
    }
    await server.reload('mantua.example', 'padua.example')
    assert.equal(await shown(server.c2sTls, 'padua.example'), 'DNS:padua.example')
    assert.match(await shown(server.c2sTls, 'mantua.example'), /DNS:mantua\.example/)
  })

  it('SIGHUP takes one away: new streams are refused, what is open goes on', async () => {
    await server.reload('padua.example')
    assert.match(await greeted(server.c2s, 'mantua.example'), /<host-unknown/)
    assert.match(await greeted(server.c2s, 'padua.example'), /<stream:features/)
    await devices[0]?.request('get', xml('ping', { xmlns: 'urn:xmpp:ping' }), 'verona.example')
  })
})
