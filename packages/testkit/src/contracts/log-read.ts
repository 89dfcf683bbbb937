import assert from 'node:assert/strict'
import { it } from 'node:test'
import { envelope, gate, type LogHarness, pause, textsOf, until } from './log-harness.ts'
import { isCode } from './log-produce.ts'

/** What reading one partition without a group promises (a pod's slot, R7). */
export function readContract(harness: () => LogHarness): void {
  it('R7 read: from an offset, from the end, and from beyond it', async () => {
    const log = await harness().open()
    const topic = await harness().topic()
    for (const text of ['a', 'b', 'c']) await log.produce(topic, 5, [envelope(text)])
    const end = (await log.ends(topic)).get(5) ?? 0
    const seen = { middle: [] as string[], end: [] as string[], beyond: [] as string[] }
    const from = (list: string[], offset: number) =>
      log.read(topic, 5, {
        from: offset,
        handle: async (batch) => {
          list.push(...textsOf(batch))
        },
      })
    const readers = [await from(seen.middle, end - 2), await from(seen.end, end), await from(seen.beyond, end + 1000)]
    await until('the reader of the middle is there', () => seen.middle.length === 2)
    await pause(300) // a reader from beyond the end must first be told that there is nothing
    for (const text of ['d', 'e']) await log.produce(topic, 5, [envelope(text)])
    await until('all have read', () => seen.middle.length === 4 && seen.end.length === 2 && seen.beyond.length === 2)
    assert.deepEqual(seen, { middle: ['b', 'c', 'd', 'e'], end: ['d', 'e'], beyond: ['d', 'e'] })
    await Promise.all(readers.map((reader) => reader.close()))
    await log.produce(topic, 5, [envelope('unread')])
    await pause(50)
    assert.equal(seen.end.length, 2)
  })

  it('read: LOG_NO_TOPIC for a partition that does not exist', async () => {
    const log = await harness().open()
    const handle = async (): Promise<void> => {}
    await assert.rejects(log.read('no.such.topic', 0, { from: 0, handle }), isCode('LOG_NO_TOPIC'))
    await assert.rejects(log.read(await harness().topic(), 99, { from: 0, handle }), isCode('LOG_NO_TOPIC'))
  })

  it('read: one handle at a time, and a refused batch comes again before any other', async () => {
    const log = await harness().open()
    const topic = await harness().topic()
    const seen: string[] = []
    const first = gate()
    let atWork = 0
    let calls = 0
    const reader = await log.read(topic, 0, {
      from: 0,
      handle: async (batch) => {
        atWork++
        assert.equal(atWork, 1)
        calls++
        if (calls === 1) await first.passed
        atWork--
        if (calls === 2) throw new Error('refused')
        seen.push(...textsOf(batch))
      },
    })
    await log.produce(topic, 0, [envelope('0')])
    await until('the first batch is at work', () => calls === 1)
    for (let i = 1; i < 30; i++) await log.produce(topic, 0, [envelope(`${i}`)])
    first.open()
    await until('all were handled', () => seen.length === 30)
    assert.deepEqual(
      seen,
      Array.from({ length: 30 }, (_, i) => `${i}`),
    )
    await reader.close()
  })

  it('read: readers of several partitions do not wait for each other', async () => {
    const log = await harness().open()
    const topic = await harness().topic()
    const stuck = gate()
    const seen: string[] = []
    const readers = [
      await log.read(topic, 0, { from: 0, handle: () => stuck.passed }),
      await log.read(topic, 1, {
        from: 0,
        handle: async (batch) => {
          seen.push(...textsOf(batch))
        },
      }),
    ]
    for (let i = 0; i < 20; i++) {
      await Promise.all([log.produce(topic, 0, [envelope(`${i}`)]), log.produce(topic, 1, [envelope(`${i}`)])])
    }
    await until('the other partition was read', () => seen.length === 20)
    stuck.open()
    await Promise.all(readers.map((reader) => reader.close()))
  })
}
