import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NumberedText, numberBytes } from './numbered-text.ts'

describe('numbers in bodies', () => {
  it('a body is as long as asked for and gives its number back', () => {
    const text = new NumberedText('abcd', 80)
    const body = text.body(1_234_567)
    assert.equal(body.length, 80)
    assert.equal(text.read(Buffer.from(`xx${body}`), 2), 1_234_567)
    assert.equal(new NumberedText('abcd', 0).body(7).length, numberBytes + 1)
  })

  it("another run's or worker's number, a cut one and other text are none of ours", () => {
    const text = new NumberedText('abcd', 80)
    assert.equal(text.read(Buffer.from(new NumberedText('abce', 80).body(1)), 0), -1)
    assert.equal(text.read(Buffer.from(text.short(1)).subarray(0, 14), 0), -1)
    assert.equal(text.read(Buffer.from('~abcd00000x0001'), 0), -1)
    assert.equal(text.read(Buffer.from('hello'), -1), -1)
  })

  it('find looks between two places only', () => {
    const text = new NumberedText('abcd', 20)
    const bytes = Buffer.from(`<body>${text.body(5)}</body>`)
    assert.equal(text.find(bytes, 0, bytes.length), 5)
    assert.equal(text.find(bytes, 0, 6), -1)
    assert.equal(text.find(bytes, 7, bytes.length), -1)
  })
})
