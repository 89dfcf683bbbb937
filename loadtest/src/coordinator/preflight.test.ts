import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkNeeds, checkReach } from './preflight.ts'

const needs = { users: 30_000, workers: 1, sourceAddresses: [], endpoints: [{ host: '127.0.0.1', port: 1 }] }
const machine = { files: 20_000, ports: 28_232, conntrack: 65_536 }

describe('checks before a run', () => {
  it('too few files and ports are sentences with their cure', () => {
    assert.deepEqual(checkNeeds(needs, machine), [
      '30000 users on 1 workers need 30100 open files each, and a process may have 20000: use --workers 2 or raise ulimit -n',
      '30000 connections need as many local ports, and there are 28232 for each pair of source address and target: name 2 addresses in connection.sourceAddresses (127.0.0.1, 127.0.0.2, …)',
    ])
    assert.match(checkNeeds(needs, { ...machine, conntrack: 1_000 }).at(-1) ?? '', /follows 1000 connections/)
  })

  it('what is enough or unknown is no fault', () => {
    const enough = { ...needs, workers: 2, sourceAddresses: ['127.0.0.1', '127.0.0.2'] }
    assert.deepEqual(checkNeeds(enough, machine), [])
    assert.deepEqual(checkNeeds(needs, { files: undefined, ports: undefined, conntrack: undefined }), [])
  })

  it('a closed port and a foreign source address are told', async () => {
    const faults = await checkReach({ ...needs, sourceAddresses: ['127.0.0.1', '203.0.113.7'] })
    assert.equal(faults.length, 2)
    assert.match(faults[0] ?? '', /^127\.0\.0\.1:1 takes no connection \(ECONNREFUSED\): is the server running\?/)
    assert.match(faults[1] ?? '', /^203\.0\.113\.7 .* is no address of this machine/)
  })
})
