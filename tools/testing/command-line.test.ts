import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { legNames, readCommandLine } from './command-line.ts'

describe('npm test: command line', () => {
  it('runs everything when nothing is asked', () => {
    assert.deepEqual(readCommandLine([]), { ok: true, value: { legs: legNames, filters: [] } })
  })

  it('keeps the order of the legs and takes paths', () => {
    const read = readCommandLine(['--only', 'cluster,unit', 'packages/xml'])
    assert.deepEqual(read, { ok: true, value: { legs: ['unit', 'cluster'], filters: ['packages/xml'] } })
  })

  it('refuses what it does not know', () => {
    assert.equal(readCommandLine(['--only', 'units']).ok, false)
    assert.equal(readCommandLine(['--only']).ok, false)
    assert.equal(readCommandLine(['--fast']).ok, false)
  })
})
