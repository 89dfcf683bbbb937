import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { benchHeader, benchStanzas } from './bench-corpus.ts'
import { createGate, type Gate } from './gate.ts'
import { authenticatedLimits } from './limits.ts'
import { createNameTable } from './name-table.ts'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

function memory(): { readonly heap: number; readonly buffers: number } {
  for (let i = 0; i < 3; i++) collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return { heap: heapUsed, buffers: arrayBuffers }
}

/** Bytes each of many gates holds after the chunks, heap and buffers. */
function heldBytes(
  count: number,
  chunks: () => readonly Buffer[],
): { readonly heap: number; readonly buffers: number } {
  const names = createNameTable()
  const gates: Gate[] = new Array(count)
  const before = memory()
  for (let i = 0; i < count; i++) {
    const gate = createGate({ framing: 'tcp', limits: authenticatedLimits, names })
    for (const chunk of chunks()) gate.push(chunk)
    gates[i] = gate
  }
  const after = memory()
  assert.equal(gates.length, count)
  return { heap: (after.heap - before.heap) / count, buffers: (after.buffers - before.buffers) / count }
}

describe('what a gate holds', () => {
  it('is at most 512 bytes while idle, and no chunk', () => {
    const held = heldBytes(4000, () => [benchHeader, ...benchStanzas(3), '\n'].map((text) => Buffer.from(`${text}\n`)))
    assert.ok(held.heap < 512, `${held.heap} bytes of heap`)
    assert.ok(held.buffers < 64, `${held.buffers} bytes of buffers`)
  })

  it('is not the whole of a big chunk for the few bytes at its end that begin a stanza', () => {
    const chunk = () => Buffer.from(`${benchHeader}${' '.repeat(65_000)}<iq>`)
    const held = heldBytes(200, () => [chunk()])
    assert.ok(held.buffers < 1024, `${held.buffers} bytes of buffers`)
  })
})
