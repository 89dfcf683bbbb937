import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { createByApi } from './coordinator/accounts.ts'
import { startEmbedded } from './coordinator/embedded.ts'
import type { RunResult } from './report/result.ts'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'starling-job-'))
after(() => rmSync(folder, { recursive: true }))

interface Job {
  readonly kind: string
  readonly spec: {
    readonly completions: number
    readonly parallelism: number
    readonly template: {
      readonly spec: {
        readonly containers: readonly [
          {
            readonly command: readonly [string, ...string[]]
            readonly args: readonly [string]
            readonly env: readonly { readonly name: string; readonly value: string }[]
          },
        ]
      }
    }
  }
}

/** A port nobody has just now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  server.close()
  await once(server, 'close')
  return port
}

const timeoutMs = 180_000
const users = 8

describe('the Kubernetes Job', () => {
  it('its pods, as processes with the command and the environment of the manifest: workers find the coordinator, nothing is lost', async () => {
    const documents = parseAllDocuments(readFileSync(join(root, 'loadtest/k8s/job.yml'), 'utf8'))
    const job = documents.map((document) => document.toJS() as Job).find(({ kind }) => kind === 'Job')
    assert.ok(job !== undefined)
    const { completions, parallelism, template } = job.spec
    const [{ command, args, env }] = template.spec.containers
    const own = Object.fromEntries(env.map(({ name, value }) => [name, value]))
    const workers = Number(own['LOAD_WORKERS'])
    assert.deepEqual([completions, parallelism], [workers + 1, workers + 1])

    const target = await startEmbedded('starttls')
    try {
      const { admin, domain, endpoints } = target
      assert.ok(admin !== undefined)
      const names = Array.from({ length: users }, (_, i) => `load${i}`)
      await createByApi(names, { domain, password: 'of-the-load', admin }, () => {})
      const scenario = join(folder, 'scenario.yml')
      writeFileSync(scenario, `users: ${users}\nduration: 3s\nwarmUp: 1s\nblocks: [chat: {rate: 20}]\n`)
      const port = await freePort()
      // What Kubernetes makes of it: the mount, the service's name, the pod's own folder.
      const places = {
        '/scenario/scenario.yml': scenario,
        '0.0.0.0:9555': `127.0.0.1:${port}`,
        'loadtest-0.loadtest:9555': `127.0.0.1:${port}`,
        '/tmp/report': folder,
      }
      let script = args[0]
      for (const [from, to] of Object.entries(places)) {
        assert.ok(script.includes(from), `the manifest no longer says ${from}`)
        script = script.replace(from, to)
      }
      const [program, ...before] = command
      const set = { LOAD_TARGET: `127.0.0.1:${endpoints[0]?.port}`, LOAD_DOMAIN: domain, LOAD_WORKERS: '2' }
      for (const name of Object.keys(set)) assert.ok(name in own, `the manifest no longer sets ${name}`)
      const path = `${dirname(process.execPath)}${delimiter}${process.env['PATH']}`
      const run = async (index: number): Promise<{ readonly code: number | null; readonly said: string }> => {
        const environment = { ...process.env, ...own, ...set, PATH: path, JOB_COMPLETION_INDEX: String(index) }
        const child = spawn(program, [...before, script], { cwd: root, env: environment, timeout: timeoutMs })
        let said = ''
        for (const stream of [child.stdout, child.stderr])
          stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
        const [code] = (await once(child, 'close')) as [number | null]
        return { code, said }
      }
      // Pods of a Job begin in any order: here the workers come first.
      const ended = await Promise.all([1, 2, 0].map(run))
      const [first, second, coordinator] = ended
      assert.deepEqual([first?.code, second?.code], [0, 0], JSON.stringify(ended))
      // 3: a busy machine makes generators late
      assert.ok(coordinator?.code === 0 || coordinator?.code === 3, JSON.stringify(ended))
      const result = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as RunResult
      const { sent, received, lost, duplicated } = result.reconciled
      assert.ok(sent > 0)
      assert.deepEqual([result.workers, result.online, received, lost, duplicated], [2, users, sent, 0, 0])
      assert.deepEqual(result.failures, {})
    } finally {
      await target.stop()
    }
  })
})
