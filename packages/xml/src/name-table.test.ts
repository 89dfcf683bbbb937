import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import { createNameTable } from './name-table.ts'

describe('the table of names', () => {
  it('never takes one name for another that falls into the same slot', () => {
    const table = createNameTable()
    const names = ['abcdefgh', 'aXcdefgh', 'abXdefgh', 'abcdXfgh'.replace('X', 'e'), 'é', 'e', '', 'x'.repeat(65)]
    const more = Array.from({ length: 5000 }, (_, i) => `urn:example:${(i * 7919) % 10_000}:name`)
    for (const name of [...names, ...more, ...names, ...more.reverse()]) {
      const bytes = Buffer.from(`<${name}>`)
      assert.equal(table.decode(bytes, 1, bytes.length - 1), name)
    }
  })

  it('keeps its own copy of the bytes it knows a name by', () => {
    const table = createNameTable()
    const bytes = Buffer.from('abcdefgh')
    assert.equal(table.decode(bytes, 0, 8), 'abcdefgh')
    bytes[1] = 0x78
    assert.equal(table.decode(bytes, 0, 8), 'axcdefgh')
    assert.equal(table.decode(Buffer.from('abcdefgh'), 0, 8), 'abcdefgh')
  })
})
