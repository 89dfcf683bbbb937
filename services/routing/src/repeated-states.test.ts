import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bed, delivery, managed, resume, target, told } from './testing/bed.ts'

const first = target(1, 7)
const second = target(2, 8)

describe('R3: what the session stage tells twice, at two places of the log', () => {
  it('a session that is bound and counts already goes on with its next number', async () => {
    const { work } = bed()
    await work([...managed('balcony', first), delivery('a')])
    await work(managed('balcony', first))
    assert.deepEqual((await work([delivery('b')])).map(told), ['1/7 #2 b'])
  })

  it('a session that was resumed already is not resumed again, whatever its client acknowledged meanwhile', async () => {
    const { work } = bed()
    await work([...managed('balcony', first), delivery('a')])
    const resumed = resume('balcony', { to: second, h: 0, old: first })
    assert.equal((await work([resumed])).length, 2)
    assert.deepEqual((await work([resumed, delivery('b')])).map(told), ['2/8 #2 b'])
  })
})
