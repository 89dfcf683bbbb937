import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isNodeEnough, readArguments, whyInstall } from './decisions.mjs'

const lock = (packages) => ({
  packages: { '': { name: 'starling' }, 'packages/jid': { version: '0.1.0' }, ...packages },
})

describe('bootstrap', () => {
  it('takes Node from 24.12 on', () => {
    const versions = ['v18.20.0', 'v20.20.2', 'v24.11.9', 'v24.12.0', '24.21.0', 'v25.0.0']
    assert.deepEqual(versions.map(isNodeEnough), [false, false, false, true, true, true])
  })

  it('installs when npm left no record', () => {
    assert.match(whyInstall(lock({}), undefined) ?? '', /not installed/)
  })

  it('installs when a package is missing or has another version', () => {
    const wanted = lock({ 'node_modules/ws': { version: '8.0.0' } })
    assert.match(whyInstall(wanted, lock({})) ?? '', /node_modules\/ws is not installed/)
    assert.match(whyInstall(wanted, lock({ 'node_modules/ws': { version: '7.0.0' } })) ?? '', /not version 8.0.0/)
  })

  it('does not install what another system would need, or when all is there', () => {
    const other = lock({ 'node_modules/darwin-only': { version: '1.0.0', optional: true } })
    assert.equal(whyInstall(other, lock({})), undefined)
    const link = { 'node_modules/@starling/jid': { resolved: 'packages/jid', link: true } }
    assert.equal(whyInstall(lock(link), lock(link)), undefined)
  })

  it('passes arguments after the script through', () => {
    const script = 'a.ts'
    assert.deepEqual(readArguments(['--watch', script, '--watch']), { watch: true, script, rest: ['--watch'] })
    assert.deepEqual(readArguments([script, '--only', 'unit']), { watch: false, script, rest: ['--only', 'unit'] })
  })
})
