import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'

const folder = mkdtempSync(join(tmpdir(), 'starling-process-'))
const children = new Set<ChildProcess>()
after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

/** A server's process. */
interface Server {
  readonly child: ChildProcess
  readonly output: () => string
  readonly errors: () => string
  readonly ended: Promise<readonly [number | null, NodeJS.Signals | null]>
}

function launch(dataDir: string, environment: Readonly<Record<string, string>> = {}): Server {
  const ours = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('STARLING_')))
  const anyPort = { STARLING_PORTS_C2S: '0', STARLING_PORTS_C2S_TLS: '0', STARLING_PORTS_HTTP: '0' }
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'main.ts')],
    {
      env: {
        ...ours,
        ...anyPort,
        STARLING_LISTEN_C2S: '127.0.0.1',
        STARLING_LISTEN_HTTP: '127.0.0.1',
        STARLING_DATA_DIR: dataDir,
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  children.add(child)
  const texts = { output: '', errors: '' }
  child.stdout?.on('data', (chunk: Buffer) => {
    texts.output += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    texts.errors += chunk.toString()
  })
  const ended = once(child, 'close').then(([code, signal]) => {
    children.delete(child)
    return [code, signal] as const
  })
  return { child, output: () => texts.output, errors: () => texts.errors, ended }
}

/** Waits for the banner; returns the HTTP port. */
async function ready(server: Server, dataDir: string): Promise<number> {
  while (!server.output().includes('End it:')) {
    if (server.child.exitCode !== null) throw new Error(server.errors())
    await Promise.race([once(server.child.stdout ?? server.child, 'data'), server.ended])
  }
  const running = JSON.parse(readFileSync(join(dataDir, 'running.json'), 'utf8')) as {
    ports: { http: number }
    pid: number
  }
  assert.equal(running.pid, server.child.pid)
  return running.ports.http
}

async function api(http: number, dataDir: string, init: RequestInit = {}) {
  const token = readFileSync(join(dataDir, 'admin.token'), 'utf8').trim()
  const headers = {
    authorization: `Bearer ${token}`,
    ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  const response = await fetch(`http://127.0.0.1:${http}/api/accounts`, { ...init, headers })
  return { status: response.status, body: (await response.json()) as { jids?: readonly string[] } }
}

describe('npm start: one process with everything', () => {
  it('says what a newcomer needs, keeps accounts over a restart, ends on SIGTERM with 0', async () => {
    const dataDir = join(folder, 'restart')
    const first = launch(dataDir)
    const http = await ready(first, dataDir)
    assert.match(first.output(), /npm run starling -- account create alice@localhost secret/)
    assert.match(first.output(), /Connect a client: .*alice@localhost/)
    assert.equal(statSync(join(dataDir, 'admin.token')).mode & 0o777, 0o600)
    const payload = JSON.stringify({ jid: 'alice@localhost', password: 'secret' })
    assert.equal((await api(http, dataDir, { method: 'POST', body: payload })).status, 201)
    first.child.kill('SIGTERM')
    assert.deepEqual(await first.ended, [0, null])
    assert.equal(existsSync(join(dataDir, 'running.json')), false)
    assert.doesNotMatch(first.errors(), /secret"/)

    const second = launch(dataDir)
    const listed = await api(await ready(second, dataDir), dataDir)
    assert.deepEqual(listed.body, { jids: ['alice@localhost'] })
    second.child.kill('SIGINT')
    assert.deepEqual(await second.ended, [0, null])
  })

  it('an account that was acknowledged is there after kill -9', async () => {
    const dataDir = join(folder, 'killed')
    const first = launch(dataDir)
    const payload = JSON.stringify({ jid: 'bob@localhost', password: 'secret' })
    assert.equal((await api(await ready(first, dataDir), dataDir, { method: 'POST', body: payload })).status, 201)
    first.child.kill('SIGKILL')
    await first.ended
    const second = launch(dataDir)
    assert.deepEqual((await api(await ready(second, dataDir), dataDir)).body, { jids: ['bob@localhost'] })
    second.child.kill('SIGTERM')
    await second.ended
  })

  it('a second signal ends it at once', async () => {
    const dataDir = join(folder, 'twice')
    const server = launch(dataDir)
    await ready(server, dataDir)
    server.child.kill('SIGTERM')
    server.child.kill('SIGINT')
    assert.deepEqual(await server.ended, [130, null])
  })

  it('a port in use ends it with 1 and a sentence that names the port and the cure', async () => {
    const dataDir = join(folder, 'first')
    const first = launch(dataDir)
    const http = await ready(first, dataDir)
    const second = launch(join(folder, 'second'), { STARLING_PORTS_HTTP: String(http) })
    assert.deepEqual(await second.ended, [1, null])
    const sentence = new RegExp(
      `^all-in-one cannot start: port ${http} \\(http.*\\) is in use by another process.*STARLING_PORT_OFFSET`,
      'm',
    )
    assert.match(second.errors(), sentence)
    first.child.kill('SIGTERM')
    await first.ended
  })

  it('wrong settings end it with 2 before anything is opened, every fault at once', async () => {
    const dataDir = join(folder, 'wrong')
    const server = launch(dataDir, { STARLING_PORT_OFFSET: 'ten', STARLING_DOMIAN: 'x', STARLING_C2S_REQUIRE_TLS: '1' })
    assert.deepEqual(await server.ended, [2, null])
    assert.match(server.errors(), /3 to mend/)
    for (const variable of ['STARLING_PORT_OFFSET', 'STARLING_DOMIAN', 'STARLING_C2S_REQUIRE_TLS']) {
      assert.match(server.errors(), new RegExp(`^  ${variable}`, 'm'))
    }
    assert.equal(existsSync(dataDir), false)
  })
})
