import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { PodIo, Settings, Stage } from '@starling/core'
import { defaultSettings } from './default-settings.ts'
import { run } from './run.ts'
import { testLogger } from './test-ports.ts'

const folder = mkdtempSync(join(tmpdir(), 'starling-run-'))
after(() => rmSync(folder, { recursive: true }))

const settings: Settings = {
  ...defaultSettings,
  dataDir: folder,
  ports: { c2s: 0, c2sTls: 0, http: 0 },
  listen: { c2s: '127.0.0.1', http: '127.0.0.1' },
}

/** A routing stage that notes what reaches it, slowly if told so. */
function sink(delayMs = 0): { readonly stage: Stage; readonly seen: string[] } {
  const seen: string[] = []
  const stage: Stage = {
    kind: 'keyed',
    name: 'routing',
    consumes: ['routing'],
    create: () => ({
      work: async ({ inputs }) => {
        await new Promise((resolve) => setTimeout(resolve, delayMs))
        seen.push(...inputs.map(({ envelope }) => envelope.key))
        return { outputs: [] }
      },
    }),
  }
  return { stage, seen }
}

/** A stage with sockets that has none. */
function pod(over: {
  isReady?: () => boolean
  drain?: (io: PodIo) => Promise<void>
  start?: (io: PodIo) => void
}): Stage {
  return {
    kind: 'pod',
    name: 'gateway',
    start: async (io) => {
      over.start?.(io)
      return { ports: { own: 1 }, isReady: over.isReady ?? (() => true), drain: async () => over.drain?.(io) }
    },
  }
}

function start(stages: readonly Stage[], more: Partial<Settings> = {}) {
  return run({ stages, modules: [], settings: { ...settings, ...more }, pod: 'test', logger: testLogger() })
}

async function get(port: number | undefined, path: string) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  const text = await response.text()
  return {
    status: response.status,
    text,
    json: () => JSON.parse(text) as { pid: number; parts: Record<string, boolean> },
  }
}

describe('run(): stages in one process', () => {
  it('/readyz names each part and is 503 while one is missing; /healthz lives; /metrics tells; the rest is 404', async () => {
    let isReady = false
    const running = await start([sink().stage, pod({ isReady: () => isReady })])
    const { http } = running.ports
    const before = await get(http, '/readyz')
    assert.equal(before.status, 503)
    assert.equal(before.json().pid, process.pid)
    assert.deepEqual(before.json().parts, { started: true, log: true, presence: true, lease: true, services: false })
    assert.equal((await get(http, '/healthz')).status, 200)
    assert.match((await get(http, '/metrics')).text, /^starling_ready 0$/m)
    isReady = true
    assert.equal((await get(http, '/readyz')).status, 200)
    assert.match((await get(http, '/metrics')).text, /^starling_ready 1$/m)
    assert.equal((await get(http, '/nothing')).status, 404)
    assert.equal(running.ports['own'], 1)
    assert.equal(await running.stop(), true)
    assert.equal(running.readiness()['started'], false)
  })

  it('health is told, and everything else is 503, while stages still start', async () => {
    let port = 0
    const seen: number[] = []
    const stage = pod({
      start: (io) => {
        io.http.route('/mine', (_request, response) => void response.end('mine'))
      },
    })
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    port = (taken.address() as { port: number }).port
    await new Promise((resolve) => taken.close(resolve))
    const slow: Stage = {
      kind: 'pod',
      name: 'connection-manager',
      start: async () => {
        for (const path of ['/healthz', '/readyz', '/mine']) seen.push((await get(port, path)).status)
        return { ports: {}, isReady: () => true, drain: async () => {} }
      },
    }
    const running = await start([slow, stage], { ports: { ...settings.ports, http: port } })
    assert.deepEqual(seen, [200, 503, 503])
    assert.equal((await get(port, '/mine/x')).text, 'mine')
    await running.stop()
  })

  it('R2: what sockets leave in the log of this process at the very end is handled before it ends', async () => {
    const { stage, seen } = sink(30)
    const keys = Array.from({ length: 40 }, (_, index) => `user${index}@localhost`)
    const drain = async (io: PodIo): Promise<void> => {
      for (const key of keys) {
        await io.publish('routing', { kind: 'state', key, atMs: 0, head: { change: 'settings', slices: {} } })
      }
    }
    const running = await start([stage, pod({ drain })])
    assert.equal(await running.stop(), true)
    assert.deepEqual([...seen].sort(), [...keys].sort())
  })

  it('a drain that cannot be done in time ends all the same, and says so', async () => {
    const never = pod({ drain: () => new Promise<void>(() => {}) })
    const running = await start([sink().stage, never], { drainTimeoutMs: 50 })
    assert.equal(await running.stop(), false)
  })

  it('R9: offsets of a start lie above those of every start before it', async () => {
    const offsets: number[] = []
    const stage: Stage = {
      kind: 'keyed',
      name: 'routing',
      consumes: ['routing'],
      create: () => ({
        work: async ({ lastOffset }) => {
          offsets.push(lastOffset)
          return { outputs: [] }
        },
      }),
    }
    const drain = (io: PodIo): Promise<void> =>
      io.publish('routing', { kind: 'state', key: 'a', atMs: 0, head: { change: 'settings', slices: {} } })
    for (let starts = 0; starts < 3; starts++) await (await start([stage, pod({ drain })])).stop()
    assert.equal(offsets.length, 3)
    assert.ok((offsets[0] ?? 0) < (offsets[1] ?? 0) && (offsets[1] ?? 0) < (offsets[2] ?? 0), String(offsets))
  })

  it('a port in use is a sentence with the port, and nothing stays open', async () => {
    const running = await start([sink().stage])
    const http = running.ports['http'] ?? 0
    const dataDir = join(folder, 'second')
    await assert.rejects(start([sink().stage], { dataDir, ports: { ...settings.ports, http } }), {
      message: new RegExp(
        `^port ${http} \\(http, address 127\\.0\\.0\\.1\\) is in use by another process.*STARLING_PORT_OFFSET`,
      ),
    })
    await running.stop()
  })

  it('a domain that is none is refused with the setting to mend', async () => {
    await assert.rejects(start([], { domain: 'a@b' }), { message: 'domain (STARLING_DOMAIN): "a@b" is no domain' })
  })
})
