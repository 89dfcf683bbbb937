import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runningCluster } from './cluster-file.ts'
import { findTarget } from './find-target.ts'

describe('the cluster that runs here', () => {
  let runDir = ''
  before(() => {
    runDir = mkdtempSync(join(tmpdir(), 'starling-cluster-file-'))
  })
  after(() => rmSync(runDir, { recursive: true }))

  const leave = (pid: number, log: string): void => {
    const ports = { c2s: 5222, http: 8080 }
    const pods = [{ name: 'connection-manager-1', service: 'connection-manager', pid, ports, log }]
    writeFileSync(join(runDir, 'cluster.json'), JSON.stringify({ domain: 'localhost', infrastructure: [], pods }))
  }

  it('is the one whose pods write their logs still', async () => {
    const log = join(runDir, 'connection-manager-1.log')
    const output = openSync(log, 'a')
    const pod = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: ['ignore', output, output] })
    closeSync(output)
    await once(pod, 'spawn')
    leave(pod.pid ?? -1, log)
    assert.equal(runningCluster(runDir)?.pods[0]?.name, 'connection-manager-1')
    pod.kill('SIGKILL')
    await once(pod, 'exit')
    assert.equal(runningCluster(runDir), undefined, 'its pods are gone')
  })

  it('is none without a file, and none where its process ids are those of others', async () => {
    rmSync(join(runDir, 'cluster.json'), { force: true })
    assert.equal(runningCluster(runDir), undefined)
    leave(process.pid, join(runDir, 'connection-manager-1.log'))
    assert.equal(runningCluster(runDir), undefined)
    const options = { domain: undefined, adminUrl: undefined, adminToken: undefined, serverPids: [], metricsUrls: [] }
    await assert.rejects(
      findTarget({ ...options, target: 'cluster', runDir }, 'tcp'),
      /no cluster runs here: start one/,
    )
  })
})
