import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readMetrics, usageOfProcesses } from './server-usage.ts'
import { readEndpoints } from './target.ts'

describe('the target', () => {
  it('one or several places, with the usual port of the transport', () => {
    assert.deepEqual(readEndpoints('h:1,[::1]:2', 'tcp'), [
      { host: 'h', port: 1 },
      { host: '::1', port: 2 },
    ])
    assert.deepEqual(readEndpoints('example.org', 'tls'), [{ host: 'example.org', port: 5223 }])
    for (const wrong of ['', 'h:0', 'h:70000', 'a b', 'h:1,', 'http://h']) {
      assert.equal(readEndpoints(wrong, 'tcp'), undefined, wrong)
    }
  })

  it('what it uses: by its process with all below it, and by /metrics', () => {
    const [usage] = usageOfProcesses([{ name: 'me', pid: process.pid }])
    assert.ok((usage?.cpuSeconds ?? 0) > 0)
    assert.ok((usage?.memoryMb ?? 0) > 10)
    assert.deepEqual(usageOfProcesses([{ name: 'nobody', pid: 2 ** 30 }]), [
      { name: 'nobody', cpuSeconds: 0, memoryMb: 0 },
    ])
    const text = '# HELP x\nprocess_cpu_seconds_total{pod="a"} 12.5\nprocess_resident_memory_bytes 1.048576e+08\n'
    assert.deepEqual(readMetrics('u', text), { name: 'u', cpuSeconds: 12.5, memoryMb: 100 })
  })
})
