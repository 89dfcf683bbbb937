import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { modules } from '@starling/modules'
import { loadConfig } from '@starling/runtime'
import { isAlive } from '../alive.ts'
import { perform } from '../starling/admin-api.ts'
import { type Found, findServer } from '../starling/find-server.ts'
import { down } from './down.ts'
import { becomesReady, startPod } from './pod-process.ts'
import { startNamed } from './start.ts'
import { type ClusterFile, type LaunchFile, openRunFolder } from './state.ts'
import { status } from './status.ts'
import { type UpContext, up } from './up.ts'

/** Away from a developer's own cluster and from other tests'. */
const portOffset = 1_500
const readyMs = 60_000
const counts = { 'connection-manager': 1, session: 1, routing: 1, storage: 1, gateway: 1 }

describe('npm run cluster: what runs, what is killed, what comes back', () => {
  const directory = mkdtempSync(join(tmpdir(), 'starling-lifecycle-'))
  const folder = openRunFolder(directory)
  const environment = { STARLING_PORT_OFFSET: String(portOffset), STARLING_SCRAM_ITERATIONS: '4096' }
  const config = loadConfig(environment, modules)
  if (!config.ok) throw new Error(config.error.join('\n'))
  const context: UpContext = { settings: config.value, folder, environment, tell: () => {} }
  const bringUp = (): Promise<LaunchFile> => up({ do: 'up', counts, brokers: 1, isFresh: false }, context)
  const file = (): ClusterFile => JSON.parse(readFileSync(folder.path('cluster.json'), 'utf8')) as ClusterFile
  const launch = (): LaunchFile => folder.read() ?? assert.fail('nothing runs')
  const pod = (name: string) => launch().pods.find(({ spec }) => spec.name === name) ?? assert.fail(`no ${name}`)
  const server = (): Found => {
    const found = findServer({ settings: { ...context.settings, dataDir: directory }, runDir: directory, isAlive })
    return found.ok ? found.value : assert.fail(found.error)
  }
  const parts = async (name: string): Promise<Readonly<Record<string, boolean>>> => {
    const response = await fetch(`http://127.0.0.1:${pod(name).spec.ports['http']}/readyz`)
    return ((await response.json()) as { parts: Record<string, boolean> }).parts
  }
  const until = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
    for (const end = performance.now() + readyMs; !(await isSo()); ) {
      if (performance.now() > end) throw new Error(`waited in vain: ${what}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  before(async () => void (await bringUp()))
  after(async () => {
    await down(folder)
    rmSync(directory, { recursive: true, force: true })
  })

  it('everything is written down and well; a second `up` is refused; the admin command reaches it', async () => {
    const { infrastructure, pods, domain } = file()
    assert.equal(domain, 'localhost')
    assert.deepEqual(infrastructure.map(({ name }) => name).sort(), ['kafka-1', 'postgres', 'redis'])
    assert.deepEqual(
      pods.map(({ name }) => name).sort(),
      Object.keys(counts)
        .map((name) => `${name}-1`)
        .sort(),
    )
    for (const { pid } of [...infrastructure, ...pods]) assert.ok(isAlive(pid))
    assert.equal((await status(launch())).isWell, true)
    await assert.rejects(bringUp(), { message: /^a cluster runs already/ })
    const made = await perform({ do: 'create', jid: 'alice@localhost', password: 'secret' }, server())
    assert.deepEqual(made, { ok: true, value: ['created alice@localhost'] })
  })

  it('a pod that is killed comes back under its name with a new id, and nothing else changes', async () => {
    const before = file()
    process.kill(pod('session-1').pid, 'SIGKILL')
    await until('session-1 is gone', async () => !isAlive(pod('session-1').pid))
    assert.equal((await status(launch())).isWell, false)
    await startNamed('session-1', folder)
    const now = file()
    const others = ({ pods }: ClusterFile) => pods.filter(({ name }) => name !== 'session-1')
    assert.deepEqual(others(now), others(before))
    assert.notEqual(pod('session-1').pid, before.pods.find(({ name }) => name === 'session-1')?.pid)
    assert.equal(await becomesReady(pod('session-1'), readyMs), true)
    assert.match(await startNamed('session-1', folder), /^session-1 runs, process/)
    await assert.rejects(startNamed('session-9', folder), { message: /^there is no session-9: the cluster has / })
  })

  it('Redis away: pods live, say so, and recover by themselves; one that starts meanwhile waits and names the setting', async () => {
    const ids = file().pods.map(({ pid }) => pid)
    const redis = launch().servers.find(({ spec }) => spec.name === 'redis') ?? assert.fail('no redis')
    process.kill(redis.pid, 'SIGKILL')
    await until('the gateway misses Redis', async () => (await parts('gateway-1'))['presence'] === false)
    const spec = { ...pod('routing-1').spec, name: 'late', log: folder.path('logs', 'late.log') }
    const ports = { http: (spec.ports['http'] ?? 0) + 10 }
    const late = startPod({
      ...spec,
      ports,
      environment: { ...spec.environment, STARLING_POD: 'late', STARLING_PORTS_HTTP: String(ports.http - portOffset) },
    })
    try {
      await until('it says what is missing', async () => /"presence\.waiting"/.test(readFileSync(spec.log, 'utf8')))
      assert.match(readFileSync(spec.log, 'utf8'), /Redis does not answer: see redisUrl \(STARLING_REDIS_URL\)/)
      assert.match(await startNamed('redis', folder), /^redis runs again/)
      assert.equal(await becomesReady({ ...late, spec: { ...late.spec, ports } }, readyMs), true)
    } finally {
      process.kill(late.pid, 'SIGTERM')
    }
    await until('all are ready again', async () => (await status(launch())).isWell)
    assert.deepEqual(
      file().pods.map(({ pid }) => pid),
      ids,
      'no pod crashed',
    )
  })

  it('PostgreSQL away: the admin API answers 503, and works again when it is back; no account is lost', async () => {
    const postgres = launch().servers.find(({ spec }) => spec.name === 'postgres') ?? assert.fail('no postgres')
    process.kill(postgres.pid, 'SIGKILL')
    await until('storage misses it', async () => (await parts('storage-1'))['storage'] === false)
    const refused = await perform({ do: 'list' }, server())
    assert.ok(!refused.ok && /Storage did not answer/.test(refused.error), JSON.stringify(refused))
    await startNamed('postgres', folder)
    await until('all are ready again', async () => (await status(launch())).isWell)
    assert.deepEqual(await perform({ do: 'list' }, server()), { ok: true, value: ['alice@localhost'] })
  })

  it('a process that stands still goes on; `down` ends everything by its id, also what stands still', async () => {
    process.kill(pod('routing-1').pid, 'SIGSTOP')
    await until('it stands', async () =>
      (await status(launch())).lines.some((line) => /routing-1 .*stopped/.test(line)),
    )
    assert.match(await startNamed('routing-1', folder), /^routing-1 goes on/)
    process.kill(pod('gateway-1').pid, 'SIGSTOP')
    const ids = [...file().infrastructure, ...file().pods].map(({ pid }) => pid)
    await down(folder)
    assert.deepEqual(ids.filter(isAlive), [])
    assert.equal(folder.read(), undefined)
    assert.deepEqual(await down(folder), { ended: 0, killed: 0 })
  })

  it('the next cluster of the folder knows the accounts of the last', async () => {
    await bringUp()
    assert.deepEqual(await perform({ do: 'list' }, server()), { ok: true, value: ['alice@localhost'] })
  })
})
