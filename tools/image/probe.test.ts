import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { type RunResult, run } from '../run.ts'

describe('`health` and `ready` of the image', () => {
  let server: Server
  let port = 0
  before(async () => {
    server = createServer((request, response) => {
      if (request.url === '/readyz') response.writeHead(503)
      response.end(request.url === '/readyz' ? '{"status":"not ready","parts":{"log":false}}\n' : 'ok')
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    port = (server.address() as AddressInfo).port
  })
  after(() => server.close())

  const ask = (what: string, env: Readonly<Record<string, string>>): Promise<RunResult> =>
    run('sh', ['tools/image/entrypoint.sh', what], { show: false, env, timeoutMs: 30_000 })

  it('end with 0 when the service says 200, at its port with its offset', async () => {
    const { code, output } = await ask('health', {
      STARLING_PORTS_HTTP: String(port - 100),
      STARLING_PORT_OFFSET: '100',
    })
    assert.deepEqual([code, output], [0, ''])
  })

  it('end with 1 and say what the service says when it is not ready', async () => {
    const { code, output } = await ask('ready', { STARLING_PORTS_HTTP: String(port), STARLING_PORT_OFFSET: '0' })
    assert.deepEqual([code, output], [1, '{"status":"not ready","parts":{"log":false}}\n'])
  })

  it('end with 1 when nobody listens', async () => {
    const { code, output } = await ask('health', { STARLING_PORTS_HTTP: '1', STARLING_PORT_OFFSET: '0' })
    assert.equal(code, 1)
    assert.match(output, /refused/i)
  })
})
