import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, it } from 'node:test'
import { checkNeeds, checkReach } from './preflight.ts'

const needs = {
  users: 30_000,
  socketsEach: 1,
  workers: 1,
  sourceAddresses: [],
  endpoints: [{ host: '127.0.0.1', port: 1 }],
}
const machine = { files: 20_000, ports: 28_232, conntrack: 65_536 }

describe('checks before a run', () => {
  it('too few files and ports are sentences with their cure', () => {
    assert.deepEqual(checkNeeds(needs, machine), [
      '30000 users on 1 workers need 30100 open files each, and a process may have 20000: use --workers 2 or raise ulimit -n',
      '30000 connections need as many local ports, and there are 28232 for each pair of source address and target: name 2 addresses in connection.sourceAddresses (127.0.0.1, 127.0.0.2, …)',
    ])
    // XEP-0124 §11: a BOSH session has two requests under way
    assert.match(checkNeeds({ ...needs, socketsEach: 2 }, machine)[0] ?? '', /need 60100 open files .* --workers 4 /)
    assert.match(checkNeeds(needs, { ...machine, conntrack: 1_000 }).at(-1) ?? '', /follows 1000 connections/)
  })

  it('what is enough or unknown is no fault', () => {
    const enough = { ...needs, workers: 2, sourceAddresses: ['127.0.0.1', '127.0.0.2'] }
    assert.deepEqual(checkNeeds(enough, machine), [])
    assert.deepEqual(checkNeeds(needs, { files: undefined, ports: undefined, conntrack: undefined }), [])
  })

  it('a closed port and a foreign source address are told', async () => {
    const where = { ...needs, sourceAddresses: ['127.0.0.1', '203.0.113.7'] }
    const faults = await checkReach(where, { domain: 'localhost', transport: 'bosh' })
    assert.equal(faults.length, 2)
    assert.match(faults[0] ?? '', /^127\.0\.0\.1:1 takes no connection \(ECONNREFUSED\): is the server running\?/)
    assert.match(faults[1] ?? '', /^203\.0\.113\.7 .* is no address of this machine/)
  })

  it('XEP-0124: a target without BOSH is told in one sentence', async () => {
    const server = createServer((_, response) => void response.writeHead(404).end())
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = server.address() as { readonly port: number }
      const where = { endpoints: [{ host: '127.0.0.1', port }], sourceAddresses: [] }
      const target = { domain: 'localhost', transport: 'bosh' } as const
      assert.deepEqual(await checkReach(where, target), [
        `127.0.0.1:${port}: no BOSH there: /http-bind answers with HTTP 404; choose another transport, or a target that has it`,
      ])
    } finally {
      server.close()
    }
  })
})
