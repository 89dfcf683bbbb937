import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it } from 'node:test'
import type { Settings } from '@starling/core'
import { defaultSettings } from '@starling/runtime'
import { readCommand } from './command-line.ts'
import { findServer } from './find-server.ts'

const folder = mkdtempSync(join(tmpdir(), 'starling-find-'))
const dataDir = join(folder, 'data')
const runDir = join(folder, 'run')
after(() => rmSync(folder, { recursive: true }))
beforeEach(() => {
  for (const directory of [dataDir, runDir]) {
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(directory)
  }
})

const embeddedPid = 1_001
const gatewayPid = 1_002

function embedded(c2s = 5222): void {
  const ports = { c2s, c2sTls: c2s + 1, http: c2s + 58 }
  writeFileSync(join(dataDir, 'running.json'), JSON.stringify({ pid: embeddedPid, domain: 'localhost', ports }))
  writeFileSync(join(dataDir, 'admin.token'), 'embedded-token\n')
}

function cluster(c2s = 5222): void {
  const pods = [
    { name: 'connection-manager-1', service: 'connection-manager', pid: 9, ports: { c2s, http: c2s + 58 } },
    { name: 'gateway-1', service: 'gateway', pid: gatewayPid, ports: { http: c2s + 64 } },
  ]
  writeFileSync(join(runDir, 'cluster.json'), JSON.stringify({ domain: 'localhost', infrastructure: [], pods }))
  writeFileSync(join(runDir, 'admin.token'), 'cluster-token\n')
}

function find(more: Partial<Settings> = {}, alive: readonly number[] = [embeddedPid, gatewayPid]) {
  const found = findServer({
    settings: { ...defaultSettings, dataDir, ...more },
    runDir,
    isAlive: (pid) => alive.includes(pid),
  })
  return found.ok ? `${found.value.url} ${found.value.token}` : found.error
}

describe('which server the admin command speaks to', () => {
  it('the one process of the data directory', () => {
    embedded()
    assert.equal(find(), 'http://127.0.0.1:5280 embedded-token')
    assert.equal(find({ portOffset: 70 }), 'http://127.0.0.1:5280 embedded-token')
  })

  it('the cluster of .run, by its gateway', () => {
    cluster()
    assert.equal(find(), 'http://127.0.0.1:5286 cluster-token')
  })

  it('where both run, the one with the client port of the settings; none of them is a sentence', () => {
    embedded(5222)
    cluster(6222)
    assert.equal(find(), 'http://127.0.0.1:5280 embedded-token')
    assert.equal(find({ portOffset: 1000 }), 'http://127.0.0.1:6286 cluster-token')
    assert.match(
      find({ portOffset: 7 }),
      /^2 servers run here, and neither has the client port 5229: .*STARLING_PORT_OFFSET/,
    )
  })

  it('none runs: a sentence, also when files of a dead one lie about or are broken', () => {
    assert.match(find(), /^no server runs here: .*npm start.*npm run cluster/)
    embedded()
    cluster()
    assert.match(find({}, []), /^no server runs here/)
    writeFileSync(join(dataDir, 'running.json'), '{"pid"')
    assert.match(find({}, [embeddedPid]), /^no server runs here/)
  })

  it('a configured token and address win; a missing token is a sentence', () => {
    embedded()
    assert.equal(find({ admin: { token: 'mine', allowRemote: false } }), 'http://127.0.0.1:5280 mine')
    assert.equal(find({ adminUrl: 'http://h:1/' }), 'http://h:1 embedded-token')
    rmSync(join(dataDir, 'admin.token'))
    assert.match(find(), /^no admin token: .*admin\.token is missing/)
    assert.match(find({ adminUrl: 'http://h:1/' }), /^no admin token/)
  })
})

describe('npm run starling: its arguments', () => {
  it('account create, password, delete, list', () => {
    const create = readCommand(['account', 'create', 'a@b', 'pw'])
    assert.deepEqual(create, { ok: true, value: { do: 'create', jid: 'a@b', password: 'pw' } })
    assert.deepEqual(readCommand(['account', 'list']), { ok: true, value: { do: 'list' } })
    assert.deepEqual(readCommand(['account', 'delete', 'a@b']), { ok: true, value: { do: 'delete', jid: 'a@b' } })
  })

  it('anything else is refused with a sentence', () => {
    const wrong = [
      ['account'],
      ['account', 'create', 'a@b'],
      ['account', 'delete'],
      ['account', 'list', 'x'],
      ['user'],
      ['account', 'create', 'a', 'b', 'c'],
      ['account', 'delete', 'a', 'b'],
    ]
    for (const args of wrong) assert.ok(!readCommand(args).ok, args.join(' '))
  })
})
