import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Infrastructure, startInfrastructure } from './infrastructure.ts'
import { isAlive } from './lock.ts'
import type { Server } from './server-process.ts'

describe('infrastructure for tests', { timeout: 300_000 }, () => {
  let directory = ''
  let infrastructure: Infrastructure | undefined
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'starling-infrastructure-'))
    infrastructure = await startInfrastructure({
      directory,
      kafka: { brokers: 3, heapMb: 128 }, // too little for the cleaner's buffer, were that as large as by default
      redis: { persistent: true },
      postgres: true,
    })
  })
  after(async () => {
    await infrastructure?.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const started = (): Infrastructure => {
    if (infrastructure === undefined) throw new Error('did not start')
    return infrastructure
  }

  it('starts three brokers, Redis and PostgreSQL, each on a port of its own', async () => {
    const { servers, urls } = started()
    assert.deepEqual(servers.map(({ name }) => name).sort(), ['kafka-1', 'kafka-2', 'kafka-3', 'postgres', 'redis'])
    assert.equal(new Set(servers.map(({ port }) => port)).size, 5)
    assert.equal(urls.kafka.split(',').length, 3)
    for (const { port } of servers) assert.equal(await accepts(port), true)
  })

  it('each survives kill -9 and a new start on the same port', async () => {
    for (const server of started().servers) await killed(server)
  })

  it('Redis made persistent remembers over a restart', async () => {
    const redis = started().servers.find(({ name }) => name === 'redis')
    assert.ok(redis)
    assert.equal(await ask(redis.port, 'SET x kept\r\n'), '+OK\r\n')
    await redis.stop()
    assert.equal(await accepts(redis.port), false)
    await redis.start()
    assert.equal(await ask(redis.port, 'GET x\r\n'), '$4\r\nkept\r\n')
  })

  it('a server that was stopped (SIGSTOP) goes on by start', async () => {
    const redis = started().servers.find(({ name }) => name === 'redis')
    assert.ok(redis)
    const { pid } = redis
    await redis.kill('SIGSTOP')
    await redis.start()
    assert.equal(redis.pid, pid)
    assert.equal(await ask(redis.port, 'PING\r\n'), '+PONG\r\n')
  })

  it('all end with the process that started them, even by kill -9', async () => {
    const folder = join(directory, 'orphans')
    const script = `
      const { startInfrastructure } = await import(${JSON.stringify(join(import.meta.dirname, 'infrastructure.ts'))})
      const { servers } = await startInfrastructure({ directory: ${JSON.stringify(folder)}, redis: true, postgres: true })
      console.log(JSON.stringify(servers.map(({ pid }) => pid)))
      setInterval(() => {}, 1000)
    `
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, STARLING_TEST_INFRASTRUCTURE: 'local' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const line = await new Promise<string>((resolve) => parent.stdout.once('data', (data) => resolve(String(data))))
    const pids: readonly number[] = JSON.parse(line)
    assert.ok(pids.length === 2 && pids.every(isAlive))
    parent.kill('SIGKILL')
    for (let tries = 0; pids.some(isAlive); tries++) {
      assert.ok(tries < 1000, 'a server outlived its parent')
      await sleep(20)
    }
  })

  it('a server that does not start says why', async () => {
    const taken = started().servers[0]?.port
    assert.ok(taken)
    const { startRedis } = await import('./redis-server.ts')
    const options = {
      name: 'second',
      directory: join(directory, 'second'),
      port: taken,
      persistent: false,
      detached: false,
    }
    await assert.rejects(startRedis(options), /second ended with 1; its log .* ends:[\s\S]*in use/)
  })
})

async function killed(server: Server): Promise<void> {
  const { pid } = server
  await server.kill('SIGKILL')
  assert.equal(await accepts(server.port), false, `${server.name} is gone`)
  await server.start()
  assert.notEqual(server.pid, pid)
  assert.equal(await accepts(server.port), true)
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function ask(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(line))
    socket.once('data', (data) => {
      socket.destroy()
      resolve(data.toString())
    })
    socket.once('error', reject)
  })
}
