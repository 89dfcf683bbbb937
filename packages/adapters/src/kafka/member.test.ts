import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Committed, LogRecord } from '@starling/core'
import { committer } from './commit.ts'
import type { Bounds, Commit, Feed, FeedSink, KafkaDriver, TopicPartition } from './driver.ts'
import { type Member, member, type ReadSettings } from './member.ts'
import { reader } from './reader.ts'
import { watchdog } from './watchdog.ts'

const settings: ReadSettings = {
  maxBufferedBytes: 100,
  retryMs: 1,
  commitGapMs: 1,
  closeTimeoutMs: 20,
  onEvent: () => {},
}

/** A driver whose feeds the test holds in its hand. */
function fakeDriver(): KafkaDriver & {
  readonly feeds: { readonly sink: FeedSink; readonly from: number; isClosed: boolean }[]
  readonly commits: (readonly Commit[])[]
  readonly stored: Map<number, Committed>
  readonly paused: Set<number>
  refusal: Error | undefined
} {
  const feeds: { sink: FeedSink; from: number; isClosed: boolean }[] = []
  const commits: (readonly Commit[])[] = []
  const stored = new Map<number, Committed>()
  const paused = new Set<number>()
  const never = async (): Promise<never> => Promise.reject(new Error('not asked for here'))
  const open = (sink: FeedSink, from: number): Feed => {
    const feed = { sink, from, isClosed: false }
    feeds.push(feed)
    return {
      begin: () => {},
      commit: async (list) => {
        if (driver.refusal !== undefined) throw driver.refusal
        commits.push(list)
        for (const { partition, offset, metadata } of list) stored.set(partition, { offset, metadata })
      },
      pause: ({ partition }) => void paused.add(partition),
      resume: ({ partition }) => void paused.delete(partition),
      close: async () => {
        feed.isClosed = true
      },
    }
  }
  const driver = {
    feeds,
    commits,
    stored,
    paused,
    refusal: undefined as Error | undefined,
    append: never,
    partitions: async () => 4,
    bounds: async (): Promise<ReadonlyMap<number, Bounds>> => new Map([[0, { start: 10, end: 20 }]]),
    committed: async () => new Map(stored),
    openGroup: (_group: unknown, sink: FeedSink) => open(sink, -1),
    openPartition: (_at: TopicPartition, from: number, sink: FeedSink) => open(sink, from),
    ping: async () => {},
    close: async () => {},
  }
  return driver
}

const records = (from: number, count: number, bytes = 1): readonly LogRecord[] =>
  Array.from({ length: count }, (_, i) => ({ offset: from + i, timestampMs: 0, value: new Uint8Array(bytes) }))

const at = (...partitions: number[]): readonly TopicPartition[] =>
  partitions.map((partition) => ({ topic: 't', partition }))

/** A member that notes what it is told, and works only when it is let. */
function noted(driver: KafkaDriver): {
  readonly one: Member
  readonly notes: string[]
  readonly gates: (() => void)[]
  holds: boolean
} {
  const notes: string[] = []
  const gates: (() => void)[] = []
  const self = {
    notes,
    gates,
    holds: false,
    one: member(
      driver,
      {
        group: 'g',
        topics: ['t'],
        onAssigned: (_, partition, committed) => notes.push(`+${partition}@${committed?.offset ?? '-'}`),
        onRevoked: (_, partition) => notes.push(`-${partition}`),
        handle: async (batch) => {
          const name = `${batch.partition}:${batch.records.map(({ offset }) => offset).join(',')}`
          if (self.holds) await new Promise<void>((resolve) => gates.push(resolve))
          notes.push(name)
          return `m${name}`
        },
      },
      settings,
    ),
  }
  return self
}

describe('a member of a group', () => {
  it('keeps what it kept over a rebalance, gives up what went, and drops records that come again', async () => {
    const driver = fakeDriver()
    const mine = noted(driver)
    await sleep(10)
    const sink = driver.feeds[0]?.sink
    sink?.assigned('me', at(0, 1))
    sink?.received('t', 0, records(0, 2))
    await sleep(20)
    assert.deepEqual(mine.notes, ['+0@-', '+1@-', '0:0,1'])
    sink?.assigned('me', at(0, 2))
    sink?.received('t', 0, records(0, 4))
    await sleep(20)
    assert.deepEqual(mine.notes.slice(3), ['-1', '+2@-', '0:2,3'])
    assert.deepEqual(driver.stored.get(0), { offset: 4, metadata: 'm0:2,3' })
    await mine.one.close()
    assert.equal(driver.feeds[0]?.isClosed, true)
  })

  it('under a new name it holds nothing of before; a batch still at work delays the partition and is not committed', async () => {
    const driver = fakeDriver()
    const mine = noted(driver)
    await sleep(10)
    const sink = driver.feeds[0]?.sink
    sink?.assigned('me', at(0))
    mine.holds = true
    sink?.received('t', 0, records(0, 1))
    await sleep(20)
    assert.equal(mine.gates.length, 1)
    driver.stored.set(0, { offset: 7, metadata: 'of another' })
    sink?.assigned('somebody new', at(0))
    sink?.received('t', 0, records(5, 4))
    await sleep(20)
    assert.deepEqual(mine.notes, ['+0@-', '-0'])
    mine.gates.shift()?.()
    await sleep(20)
    assert.deepEqual(mine.notes, ['+0@-', '-0', '0:0', '+0@7'])
    assert.deepEqual(driver.commits, [])
    for (const open of mine.gates) open()
    await sleep(20)
    assert.deepEqual(mine.notes, ['+0@-', '-0', '0:0', '+0@7', '0:7,8'])
    assert.deepEqual(
      driver.commits.flat().map(({ offset }) => offset),
      [9],
    )
    await mine.one.close()
  })

  it('under a new name nothing of before counts, though nobody committed meanwhile', async () => {
    const driver = fakeDriver()
    const mine = noted(driver)
    await sleep(10)
    const sink = driver.feeds[0]?.sink
    sink?.assigned('me', at(0))
    await sleep(10)
    sink?.assigned('somebody new', at(0))
    await sleep(10)
    assert.deepEqual(mine.notes, ['+0@-', '-0', '+0@-'])
    await mine.one.close()
  })

  it('what somebody else committed meanwhile is noticed, though the name is the same', async () => {
    const driver = fakeDriver()
    const mine = noted(driver)
    await sleep(10)
    const sink = driver.feeds[0]?.sink
    sink?.assigned('me', at(0))
    sink?.received('t', 0, records(0, 1))
    await sleep(20)
    driver.stored.set(0, { offset: 5, metadata: 'of another' })
    sink?.assigned('me', at(0))
    sink?.received('t', 0, records(1, 6))
    await sleep(20)
    assert.deepEqual(mine.notes.slice(0, 5), ['+0@-', '0:0', '-0', '+0@5', '0:5,6'])
    await mine.one.close()
  })

  it('a lost feed is opened again, and everything of it is given up first; its late news are not heard', async () => {
    const driver = fakeDriver()
    const mine = noted(driver)
    await sleep(10)
    const old = driver.feeds[0]?.sink
    old?.assigned('me', at(0))
    await sleep(10)
    old?.lost(new Error('gone'))
    old?.lost(new Error('gone once more'))
    old?.received('t', 0, records(0, 1))
    await sleep(700)
    assert.equal(driver.feeds.length, 2)
    driver.feeds[1]?.sink.assigned('me again', at(0))
    await sleep(20)
    assert.deepEqual(mine.notes, ['+0@-', '-0', '+0@-'])
    await mine.one.close()
  })

  it('a refused commit waits, and the newest position is committed in the end', async () => {
    const driver = fakeDriver()
    const mine = noted(driver)
    await sleep(10)
    const sink = driver.feeds[0]?.sink
    sink?.assigned('me', at(0))
    driver.refusal = new Error('rebalance in progress')
    sink?.received('t', 0, records(0, 1))
    await sleep(20)
    sink?.received('t', 0, records(1, 1))
    await sleep(20)
    driver.refusal = undefined
    await sleep(250)
    assert.deepEqual(driver.commits, [[{ topic: 't', partition: 0, offset: 2, metadata: 'm0:1' }]])
    await mine.one.close()
  })

  it('maxBufferedBytes: a partition whose handler is slow is paused, and goes on when half is handled', async () => {
    const driver = fakeDriver()
    const mine = noted(driver)
    await sleep(10)
    const sink = driver.feeds[0]?.sink
    sink?.assigned('me', at(0))
    await sleep(10)
    mine.holds = true
    sink?.received('t', 0, records(0, 1))
    await sleep(10)
    sink?.received('t', 0, records(1, 3, 50))
    assert.deepEqual([...driver.paused], [0])
    assert.deepEqual(mine.one.watched(), [])
    mine.holds = false
    for (const open of mine.gates) open()
    await sleep(20)
    assert.deepEqual([...driver.paused], [])
    await mine.one.close()
  })

  it('closes within its limit although a handler never ends', async () => {
    const driver = fakeDriver()
    const mine = noted(driver)
    await sleep(10)
    driver.feeds[0]?.sink.assigned('me', at(0))
    mine.holds = true
    driver.feeds[0]?.sink.received('t', 0, records(0, 1))
    await sleep(20)
    await mine.one.close()
    assert.equal(driver.commits.length, 0)
    assert.equal(driver.feeds[0]?.isClosed, true)
  })
})

describe('the committer', () => {
  it('what is handled while a request is in flight goes in the next, and flush waits for it', async () => {
    const sent: (readonly Commit[])[] = []
    const gates: (() => void)[] = []
    const mine = committer({
      send: (commits) => {
        sent.push(commits)
        return new Promise((resolve) => gates.push(resolve))
      },
      refused: () => {},
      gapMs: 1,
      retryMs: 1,
    })
    const commit = (offset: number): Commit => ({ topic: 't', partition: 0, offset, metadata: '' })
    mine.handled(commit(1))
    await sleep(10)
    mine.handled(commit(2))
    mine.handled(commit(3))
    mine.handled({ ...commit(9), partition: 1 })
    mine.forget({ topic: 't', partition: 1 })
    let isFlushed = false
    const flushing = mine.flush().then(() => {
      isFlushed = true
    })
    await sleep(10)
    assert.deepEqual(sent, [[commit(1)]])
    gates[0]?.()
    await sleep(10)
    assert.deepEqual(sent, [[commit(1)], [commit(3)]])
    assert.equal(isFlushed, false)
    gates[1]?.()
    await flushing
    mine.stop()
  })
})

describe('the watchdog', () => {
  it('renews a reader that is twice behind the end at the same offset, from where it stands; not one that moves or waits', async () => {
    const driver = fakeDriver()
    const seen: number[] = []
    const handle = async ({ records: list }: { records: readonly LogRecord[] }): Promise<void> => {
      seen.push(...list.map(({ offset }) => offset))
    }
    const one = reader(driver, { topic: 't', partition: 0, from: 3, handle }, settings)
    await sleep(10)
    assert.equal(driver.feeds[0]?.from, 10, 'the oldest record there is')
    const look = watchdog()
    const bounds = (end: number) => new Map([['t', new Map([[0, { start: 10, end }]])]])
    assert.equal(look(one, bounds(10)), false, 'at the end')
    assert.equal(look(one, bounds(10)), false, 'still at the end')
    assert.equal(look(one, bounds(20)), false, 'behind for the first time')
    driver.feeds[0]?.sink.received('t', 0, records(10, 2))
    assert.equal(look(one, bounds(20)), false, 'it moved')
    assert.equal(look(one, bounds(20)), true, 'it stands')
    await sleep(150)
    assert.equal(driver.feeds.length, 2)
    assert.equal(driver.feeds[0]?.isClosed, true)
    assert.equal(driver.feeds[1]?.from, 12)
    driver.feeds[1]?.sink.received('t', 0, records(11, 2))
    await sleep(10)
    assert.deepEqual(seen, [10, 11, 12])
    await one.close()
  })
})
