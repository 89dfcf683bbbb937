import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryPresence } from '@starling/adapters/memory'
import type { StateChange } from '@starling/wire'
import { bed, delivery, juliet, managed, resume, state, target, told } from './testing/bed.ts'

const first = target(1, 7)
const second = target(2, 8)
const plain = {
  change: 'restored',
  resource: 'balcony',
  target: first,
  isAvailable: true,
  priority: 0,
  slices: {},
} as const
const restored = (written: number, acked: number, at = first): StateChange => ({
  ...plain,
  target: at,
  sm: { id: 'sm-balcony', maxSeconds: 300, written, acked },
})
const ended = state({ change: 'ended', resource: 'balcony', target: second })

describe('R11: presence has forgotten sessions whose connections live', () => {
  it('a pod that asks is told behind everything that was numbered before', async () => {
    const { work } = bed()
    await work(managed('balcony', first))
    const recount = { kind: 'recount', key: juliet, atMs: 1, target: first } as const
    assert.deepEqual((await work([delivery('a'), recount, delivery('b')])).map(told), [
      '1/7 #1 a',
      '1/7 recount',
      '1/7 #2 b',
    ])
  })

  it('what comes before the pod has spoken goes offline and is sent for then; ordinals go on where the pod is', async () => {
    const { work } = bed()
    const outputs = await work([delivery('a'), state(restored(17, 12)), delivery('b')])
    assert.deepEqual(outputs.map(told), ['offline a', `storage flush ${juliet}`, '1/7 #18 b'])
  })

  it('without stream management as well', async () => {
    const { work } = bed()
    const outputs = await work([delivery('a'), state(plain), delivery('b')])
    assert.deepEqual(outputs.map(told), ['offline a', `storage flush ${juliet}`, '1/7 #- b'])
  })

  it('a session that is known keeps its numbers and its queue', async () => {
    const { work } = bed()
    await work([...managed('balcony', first), delivery('a'), delivery('b')])
    assert.deepEqual((await work([state(restored(1, 0)), delivery('c')])).map(told), ['1/7 #3 c'])
    const again = await work([resume('balcony', { to: second, h: 1, old: first })])
    assert.deepEqual(again.map(told), ['2/8 resumed h=5 acked=1', '2/8 #2 b', '2/8 #3 c'])
  })

  it('a client that has all that was lost resumes, and is sent what is new', async () => {
    const { work } = bed()
    await work([state(restored(17, 12)), delivery('b')])
    const again = await work([resume('balcony', { to: second, h: 17, old: first })])
    assert.deepEqual(again.map(told), ['2/8 resumed h=5 acked=17', '2/8 #18 b'])
  })

  it('one that has not is refused, what is there is handed on, and what is not is counted; also in another batch', async () => {
    let lost = 0
    const { work } = bed({
      presence: memoryPresence({ clock: () => 0 }),
      onCount: (name, by) => {
        if (name === 'starling_routing_lost_entries_total') lost += by
      },
    })
    await work([state(restored(17, 12)), delivery('b')])
    const refused = await work([resume('balcony', { to: second, h: 15, old: first })])
    assert.deepEqual(refused.map(told), ['2/8 resumeRefused'])
    assert.deepEqual((await work([delivery('c')])).map(told), [], 'it waits in the queue')
    assert.deepEqual((await work([ended])).map(told), [`routing ${juliet} b`, `routing ${juliet} c`])
    assert.equal(lost, 2)
  })

  it('another connection’s session of that resource ends', async () => {
    const { work } = bed()
    await work([...managed('balcony', second, { smId: 'sm-old' }), delivery('a')])
    assert.deepEqual((await work([state(restored(3, 3))])).map(told), [
      `routing ${juliet} a`,
      `storage flush ${juliet}`,
    ])
    assert.deepEqual((await work([delivery('b')])).map(told), ['1/7 #4 b'])
  })
})
