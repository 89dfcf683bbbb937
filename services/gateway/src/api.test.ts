import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeCredentials } from '@starling/sasl'
import type { InjectOptions } from 'fastify'
import { type TestGateway, testGateway, testToken } from './test-accounts.ts'

const authorization = `Bearer ${testToken}`

/** Sends a request and returns status and body. */
async function ask(gateway: TestGateway, request: InjectOptions) {
  const response = await gateway.api.inject({ headers: { authorization }, remoteAddress: '127.0.0.1', ...request })
  const type = String(response.headers['content-type'] ?? '')
  return { status: response.statusCode, type, body: type.includes('json') ? response.json() : response.body }
}

const create = (jid: unknown, password: unknown = 'secret'): InjectOptions => ({
  method: 'POST',
  url: '/api/accounts',
  payload: { jid, password },
})

describe('admin API: accounts', () => {
  it('creates an account with keys instead of the password, and refuses it a second time', async () => {
    const gateway = await testGateway()
    const made = await ask(gateway, create('Alice@localhost'))
    assert.deepEqual([made.status, made.body], [201, { jid: 'alice@localhost' }])
    const credentials = gateway.kept.get('alice@localhost') ?? ''
    assert.ok(decodeCredentials(credentials).ok)
    assert.doesNotMatch(credentials, /secret/)
    const again = await ask(gateway, create('alice@localhost'))
    assert.equal(again.status, 409)
    assert.equal(again.body.detail, 'There is an account alice@localhost already.')
    assert.match(again.type, /^application\/problem\+json/)
  })

  it('changes the password, deletes, and says when there is no such account', async () => {
    const gateway = await testGateway()
    await ask(gateway, create('alice@localhost'))
    const before = gateway.kept.get('alice@localhost')
    const put = (jid: string): InjectOptions => ({
      method: 'PUT',
      url: `/api/accounts/${encodeURIComponent(jid)}/password`,
      payload: { password: 'other' },
    })
    assert.equal((await ask(gateway, put('alice@localhost'))).status, 204)
    assert.notEqual(gateway.kept.get('alice@localhost'), before)
    assert.equal((await ask(gateway, put('bob@localhost'))).status, 404)
    const remove: InjectOptions = { method: 'DELETE', url: '/api/accounts/alice%40localhost' }
    assert.equal((await ask(gateway, remove)).status, 204)
    const gone = await ask(gateway, remove)
    assert.deepEqual([gone.status, gone.body.detail], [404, 'There is no account alice@localhost.'])
  })

  it('lists page by page', async () => {
    const gateway = await testGateway()
    for (const name of ['a', 'b', 'c']) gateway.kept.set(`${name}@localhost`, '')
    assert.deepEqual((await ask(gateway, { url: '/api/accounts?limit=2' })).body, {
      jids: ['a@localhost', 'b@localhost'],
    })
    assert.deepEqual((await ask(gateway, { url: '/api/accounts?limit=2&after=b%40localhost' })).body, {
      jids: ['c@localhost'],
    })
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'limit=1.5', 'page=2']) {
      assert.equal((await ask(gateway, { url: `/api/accounts?${query}` })).status, 400, query)
    }
  })

  it('a JID that is none, a full one, one without localpart and one of another domain are 400 and reach nobody', async () => {
    const gateway = await testGateway()
    for (const jid of [
      '',
      'a b@localhost',
      'alice@localhost/x',
      'localhost',
      'alice@example.org',
      '@localhost',
      'ä'.repeat(4000),
    ]) {
      const refused = await ask(gateway, create(jid))
      assert.equal(refused.status, 400, jid)
      assert.match(refused.type, /^application\/problem\+json/)
      assert.ok(refused.body.detail.length > 10 && refused.body.detail.length < 600, refused.body.detail)
    }
    assert.equal(gateway.calls.length, 0)
  })

  it('a body of another shape is 400, one of another type 415, one too large 413', async () => {
    const gateway = await testGateway()
    for (const payload of [{ jid: 'a@localhost' }, { jid: 5, password: 'x' }, { jid: 'a@localhost', password: '' }]) {
      assert.equal((await ask(gateway, { method: 'POST', url: '/api/accounts', payload })).status, 400)
    }
    assert.equal(
      (await ask(gateway, { ...create('a@localhost'), payload: { jid: 'a@localhost', password: 'x', admin: true } }))
        .status,
      400,
    )
    assert.equal((await ask(gateway, create('a@localhost', 'x'.repeat(20_000)))).status, 413)
    const headers = { authorization, 'content-type': 'text/plain' }
    assert.equal((await ask(gateway, { method: 'POST', url: '/api/accounts', headers, payload: 'hello' })).status, 415)
    const broken = { authorization, 'content-type': 'application/json' }
    const syntax = await ask(gateway, { method: 'POST', url: '/api/accounts', headers: broken, payload: '{' })
    assert.equal(syntax.status, 400)
    assert.match(syntax.type, /problem/)
  })

  it('a password that OpaqueString forbids is 400, and no answer repeats it (RFC 8265 §4.2)', async () => {
    const gateway = await testGateway()
    const refused = await ask(gateway, create('a@localhost', 'hush\u0000hush'))
    assert.equal(refused.status, 400)
    assert.doesNotMatch(JSON.stringify(refused.body), /hush/)
  })

  it('storage or log away is 503 with what to do', async () => {
    const gateway = await testGateway()
    gateway.answer = { ok: false, error: 'timeout' }
    const late = await ask(gateway, create('a@localhost'))
    assert.equal(late.status, 503)
    assert.match(late.body.detail, /did not answer within 10 s/)
    gateway.answer = { ok: false, error: 'unavailable' }
    assert.equal((await ask(gateway, { url: '/api/accounts' })).status, 503)
  })

  it('a bug is 500, logged, and tells the caller nothing', async () => {
    const gateway = await testGateway()
    gateway.answer = { ok: true, value: undefined }
    const broken = await ask(gateway, create('a@localhost'))
    assert.equal(broken.status, 500)
    assert.doesNotMatch(JSON.stringify(broken.body), /isCreated|undefined/)
    assert.equal(gateway.events[0]?.what, 'gateway.bug')
  })
})

describe('admin API: who may use it', () => {
  it('without the token 401 and a challenge, whatever the path under /api', async () => {
    const gateway = await testGateway()
    for (const headers of [
      {},
      { authorization: 'Bearer wrong' },
      { authorization: 'Basic eDp5' },
      { authorization: 'Bearer ' },
    ]) {
      const response = await gateway.api.inject({ url: '/api/accounts', headers, remoteAddress: '127.0.0.1' })
      assert.equal(response.statusCode, 401)
      assert.match(String(response.headers['www-authenticate']), /^Bearer/)
    }
    assert.equal(gateway.calls.length, 0)
  })

  it('other machines 403 even with the token, unless admin.allowRemote', async () => {
    for (const remoteAddress of ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1', '127.0.0.1.example']) {
      assert.equal((await ask(await testGateway(), { url: '/api/accounts', remoteAddress })).status, 403, remoteAddress)
      const open = await testGateway({ allowRemote: true })
      assert.equal((await ask(open, { url: '/api/accounts', remoteAddress })).status, 200, remoteAddress)
    }
    for (const remoteAddress of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) {
      assert.equal((await ask(await testGateway(), { url: '/api/accounts', remoteAddress })).status, 200, remoteAddress)
    }
  })

  it('without a configured token nobody gets in, not even with an empty one', async () => {
    const gateway = await testGateway({ token: '' })
    for (const headers of [{}, { authorization: 'Bearer ' }, { authorization }]) {
      assert.equal((await ask(gateway, { url: '/api/accounts', headers })).status, 403)
    }
  })

  it('the description is there without the token, for this machine alone, and names every endpoint', async () => {
    const gateway = await testGateway()
    const page = await ask(gateway, { url: '/api/openapi.json', headers: {} })
    assert.equal(page.status, 200)
    assert.equal(page.body.openapi, '3.1.0')
    const operations = Object.values(page.body.paths as Record<string, Record<string, { operationId: string }>>)
    const ids = operations.flatMap((path) => Object.values(path).map(({ operationId }) => operationId))
    assert.deepEqual(ids.sort(), ['createAccount', 'deleteAccount', 'listAccounts', 'setPassword'])
    assert.equal(
      (await ask(gateway, { url: '/api/openapi.json', headers: {}, remoteAddress: '192.0.2.1' })).status,
      403,
    )
  })

  it('what is not there is a problem too', async () => {
    const gateway = await testGateway()
    for (const url of ['/api/nothing', '/api', '/nothing']) {
      const missing = await ask(gateway, { url })
      assert.equal(missing.status, 404)
      assert.match(missing.type, /problem/)
    }
  })
})

describe('XEP-0156 §2: host-meta', () => {
  it('§2.3: as XRD and as JRD, for web clients of any origin, without a token', async () => {
    const gateway = await testGateway()
    const headers = { host: 'a.example:5280' }
    const xrd = await gateway.api.inject({ url: '/.well-known/host-meta', headers, remoteAddress: '192.0.2.1' })
    assert.match(
      xrd.body,
      /<Link rel="urn:xmpp:alt-connections:websocket" href="wss:\/\/a\.example\/ws\?x=1&amp;y=2"\/>/,
    )
    assert.match(String(xrd.headers['content-type']), /^application\/xrd\+xml/)
    const jrd = await gateway.api.inject({ url: '/.well-known/host-meta.json', headers, remoteAddress: '192.0.2.1' })
    assert.match(xrd.body, /<Link rel="urn:xmpp:alt-connections:xbosh" href="https:\/\/a\.example\/bosh"\/>/)
    const links = [
      { rel: 'urn:xmpp:alt-connections:websocket', href: 'wss://a.example/ws?x=1&y=2' },
      { rel: 'urn:xmpp:alt-connections:xbosh', href: 'https://a.example/bosh' },
    ]
    assert.deepEqual(jrd.json(), { links })
    for (const response of [xrd, jrd]) assert.equal(response.headers['access-control-allow-origin'], '*')
  })
})
