import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { decodeEnvelope, encodeEnvelope } from './codec.ts'
import type { Envelope } from './envelope.ts'
import { fullHeads, signalHeads, stateChanges } from './head-samples.ts'
import { plain } from './plain.ts'
import { samples } from './samples.ts'

const everyHead: Readonly<Record<string, Envelope>> = {
  ...Object.fromEntries(
    Object.entries(stateChanges).map(([name, head]) => [`state ${name}`, { ...samples.state, head }]),
  ),
  ...Object.fromEntries(
    Object.entries(signalHeads).map(([name, head]) => [`signal ${name}`, { ...samples.signal, head }]),
  ),
  ...Object.fromEntries(Object.entries(fullHeads).map(([name, envelope]) => [`${name} in full`, envelope])),
}
const read = (file: string): Readonly<Record<string, string>> =>
  JSON.parse(readFileSync(new URL(`./fixtures/${file}.json`, import.meta.url), 'utf8')) as Record<string, string>

describe('wire: versions side by side', () => {
  it('what version 1 wrote in heads is still read, field by field (golden fixtures)', () => {
    const golden = read('version-1-heads')
    assert.deepEqual(Object.keys(golden).sort(), Object.keys(everyHead).sort(), 'a fixture for every head')
    for (const [name, sample] of Object.entries(everyHead)) {
      const decoded = decodeEnvelope(Buffer.from(golden[name] ?? '', 'hex'))
      assert.ok(decoded.ok, name)
      assert.deepEqual(plain(decoded.value), plain(sample), name)
    }
  })

  it('what is written now is what version 1 wrote, byte for byte: so whoever reads one reads the other', () => {
    const golden = { ...read('version-1'), ...read('version-1-heads') }
    for (const [name, sample] of Object.entries({ ...samples, ...everyHead })) {
      assert.equal(Buffer.from(encodeEnvelope(sample)).toString('hex'), golden[name], name)
    }
  })
})
