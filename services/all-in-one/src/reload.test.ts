import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startTold } from './test-process.ts'

describe('SIGHUP', () => {
  it('takes up limits, log level and certificate; names what waits for a start; a fault changes nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'starling-reload-'))
    const config = join(folder, 'starling.yaml')
    const write = (...lines: readonly string[]): void =>
      writeFileSync(config, ['ports: { c2s: 0, c2sTls: 0, http: 0 }', `dataDir: ${folder}`, ...lines, ''].join('\n'))
    write('logLevel: info')
    const { child, said } = startTold(config)
    try {
      await said('process.ready')
      write('logLevel: debug', 'c2s: { stanzasPerSecond: 5, maxResources: 2 }')
      child.kill('SIGHUP')
      const { changed, later } = await said('process.reloaded')
      assert.deepEqual(changed, ['logLevel', 'c2s.stanzasPerSecond'])
      assert.deepEqual(later, ['c2s.maxResources'])
      await said('certificate.loaded')

      write('c2s: { stanzasPerSecond: many }')
      child.kill('SIGHUP')
      const { faults } = await said('process.not-reloaded')
      assert.match(String(faults), /stanzasPerSecond/)

      write('logLevel: debug', 'c2s: { stanzasPerSecond: 5 }')
      child.kill('SIGHUP')
      assert.deepEqual((await said('process.reloaded', 2))['changed'], [], 'the fault had changed nothing')
    } finally {
      child.kill('SIGTERM')
      await once(child, 'close')
      rmSync(folder, { recursive: true })
    }
    assert.equal(child.exitCode, 0)
  })
})
