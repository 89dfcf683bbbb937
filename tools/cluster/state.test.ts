import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { ServerSpec } from '@starling/testkit'
import { birthOf, stateOf } from '../alive.ts'
import { isOurs } from './down.ts'
import { type LaunchFile, openRunFolder } from './state.ts'

const directory = mkdtempSync(join(tmpdir(), 'starling-state-'))
after(() => rmSync(directory, { recursive: true }))

const spec = { name: 'redis', port: 25_000 } as ServerSpec
const launch: LaunchFile = {
  drainTimeoutMs: 1,
  servers: [{ spec, pid: 11, birth: 'b' }],
  pods: [
    {
      spec: {
        name: 'session-1',
        service: 'session',
        ports: { http: 5281 },
        script: 's',
        log: '/l',
        environment: { STARLING_ADMIN_TOKEN: 'hush' },
      },
      pid: 12,
      birth: 'c',
    },
  ],
}

describe('what a cluster writes down', () => {
  it('cluster.json has the shape of DESIGN §5 and nothing else', () => {
    const folder = openRunFolder(directory)
    folder.write('a.example', launch)
    assert.deepEqual(JSON.parse(readFileSync(folder.path('cluster.json'), 'utf8')), {
      domain: 'a.example',
      infrastructure: [{ name: 'redis', pid: 11, port: 25_000 }],
      pods: [{ name: 'session-1', service: 'session', pid: 12, ports: { http: 5281 }, log: '/l' }],
    })
    assert.equal(folder.domain(), 'a.example')
    assert.deepEqual(folder.read(), launch)
  })

  it('what starts everything again, secrets among it, is its owner’s alone, and is forgotten with the cluster', () => {
    const folder = openRunFolder(directory)
    folder.write('a.example', launch)
    assert.equal(statSync(folder.path('launch.json')).mode & 0o777, 0o600)
    folder.forget()
    assert.equal(folder.read(), undefined)
    assert.equal(statSync(folder.path('cluster.json'), { throwIfNoEntry: false }), undefined)
  })

  it('a process is ours only if it began when ours did: ids are used again', () => {
    const birth = birthOf(process.pid)
    assert.equal(stateOf(process.pid), 'running')
    assert.equal(isOurs({ pid: process.pid, birth }), true)
    assert.equal(isOurs({ pid: process.pid, birth: `${birth}1` }), false)
    assert.equal(isOurs({ pid: 2 ** 30, birth: '' }), false)
    for (const pid of [0, -1, 1.5, Number.NaN]) assert.equal(stateOf(pid), 'gone')
  })
})
