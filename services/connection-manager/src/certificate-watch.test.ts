import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { lookMs, watchCertificate } from './certificate-watch.ts'

const directory = mkdtempSync(join(tmpdir(), 'starling-watch-'))
after(() => rmSync(directory, { recursive: true }))

/** A watch whose looks are made by hand. */
function watch(name: string) {
  const files = ['crt', 'key'].map((end) => join(directory, name, `tls.${end}`))
  let next = (): void => {}
  const seen = { reloads: 0, faults: 0, isFaulty: false, isEnded: false }
  const stop = watchCertificate({
    files: () => files,
    later: (delayMs, run) => {
      assert.equal(delayMs, lookMs)
      next = run
      return () => {
        seen.isEnded = true
      }
    },
    reload: () => {
      if (seen.isFaulty) throw new Error('key values mismatch')
      seen.reloads += 1
    },
    onFault: () => {
      seen.faults += 1
    },
  })
  return { seen, stop, look: () => next() }
}

/** Lays files as the kubelet does: a folder of their own, and a link that is renamed over the old one. */
function lay(name: string, version: string, text = version): void {
  const at = join(directory, name)
  mkdirSync(join(at, version), { recursive: true })
  for (const end of ['crt', 'key']) writeFileSync(join(at, version, `tls.${end}`), text)
  symlinkSync(version, join(at, '..new'))
  renameSync(join(at, '..new'), join(at, '..data'))
  if (version !== 'v1') return
  for (const end of ['crt', 'key']) symlinkSync(`..data/tls.${end}`, join(at, `tls.${end}`))
}

describe('a certificate that changes', () => {
  it('is reloaded once for each change, of a mounted Secret too', () => {
    lay('secret', 'v1')
    const { seen, look } = watch('secret')
    look()
    assert.equal(seen.reloads, 0)
    lay('secret', 'v2')
    look()
    look()
    assert.equal(seen.reloads, 1)
    lay('secret', 'v3')
    look()
    assert.equal(seen.reloads, 2)
  })

  it('files that do not fit are told of once, and tried until they do', () => {
    lay('half', 'v1')
    const { seen, look } = watch('half')
    seen.isFaulty = true
    lay('half', 'v2')
    look()
    look()
    assert.deepEqual([seen.reloads, seen.faults], [0, 1])
    seen.isFaulty = false
    look()
    assert.deepEqual([seen.reloads, seen.faults], [1, 1])
  })

  it('files that are gone are a fault too, and looking ends when it is told to', () => {
    lay('gone', 'v1')
    const { seen, look, stop } = watch('gone')
    rmSync(join(directory, 'gone'), { recursive: true })
    seen.isFaulty = true
    look()
    assert.equal(seen.faults, 1)
    stop()
    assert.ok(seen.isEnded)
    seen.isFaulty = false
    look()
    assert.equal(seen.reloads, 0)
  })
})
