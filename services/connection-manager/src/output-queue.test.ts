import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { OutputQueue } from './output-queue.ts'

describe('OutputQueue', () => {
  it('loses, repeats and reorders nothing, whatever the pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 40 }),
        (chunks, pieceBytes) => {
          const queue = new OutputQueue(Number.POSITIVE_INFINITY)
          const out: Uint8Array[] = []
          for (const chunk of chunks) {
            queue.add(chunk)
            if (chunk.length % 3 === 0) {
              const piece = queue.takePiece(pieceBytes)
              assert.ok(piece.length <= pieceBytes && queue.isTaken)
              out.push(piece)
              queue.settle()
            }
          }
          while (!queue.isEmpty) out.push(queue.takePiece(pieceBytes))
          queue.settle()
          assert.equal(queue.bytes, 0)
          assert.deepEqual(Buffer.concat(out), Buffer.concat(chunks))
        },
      ),
    )
  })

  it('keeps chunks apart where the framing asks for it', () => {
    const queue = new OutputQueue(100)
    for (const text of ['aaaa', 'bb', 'c']) queue.add(Buffer.from(text))
    assert.deepEqual(queue.takeChunks(3).map(String), ['aaaa'])
    assert.deepEqual(queue.takeChunks(3).map(String), ['bb', 'c'])
    assert.equal(queue.bytes, 7)
    queue.settle()
    assert.equal(queue.bytes, 0)
  })

  it('is full at its limit, what the socket has not taken included', () => {
    const queue = new OutputQueue(10)
    assert.ok(queue.add(Buffer.alloc(6)))
    queue.takePiece(6)
    assert.ok(queue.add(Buffer.alloc(4)))
    assert.equal(queue.add(Buffer.alloc(1)), false)
    queue.settle()
    assert.ok(queue.add(Buffer.alloc(1)))
  })

  it('truncates to what was begun', () => {
    const queue = new OutputQueue(100)
    for (const text of ['abcdef', 'gh']) queue.add(Buffer.from(text))
    queue.takePiece(4)
    queue.settle()
    queue.truncate()
    queue.addLast(Buffer.from('!'))
    assert.equal(String(queue.takePiece(100)), 'ef!')
    queue.settle()
    queue.add(Buffer.from('ij'))
    queue.truncate()
    assert.ok(queue.isEmpty)
    assert.equal(queue.bytes, 0)
  })
})
