import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LogError } from '@starling/core'
import { unpackRecord } from '@starling/wire'
import { type LaneOutcome, type LaneRecord, lane } from './lane.ts'

/** A log behind a lane that answers when it is told to. */
function slowLog(): {
  readonly send: (records: readonly LaneRecord[]) => Promise<readonly LaneOutcome[]>
  readonly requests: (readonly LaneRecord[])[]
  readonly answer: (outcomes: readonly LaneOutcome[]) => Promise<void>
  readonly fail: (error: Error) => Promise<void>
} {
  const requests: (readonly LaneRecord[])[] = []
  let resolve = (_: readonly LaneOutcome[]): void => {}
  let reject = (_: Error): void => {}
  const turn = (): Promise<void> => new Promise((done) => setImmediate(() => setImmediate(done)))
  return {
    requests,
    send: (records) => {
      requests.push(records)
      return new Promise((yes, no) => {
        resolve = yes
        reject = no
      })
    },
    answer: async (outcomes) => {
      resolve(outcomes)
      await turn()
    },
    fail: async (error) => {
      reject(error)
      await turn()
    },
  }
}

const limits = { maxPendingBytes: 1000, maxRecordBytes: 200, timeoutMs: Number.POSITIVE_INFINITY }
const at = (offset: number): LaneOutcome => ({ ok: true, offset })
const texts = (record: LaneRecord | undefined): readonly string[] => {
  const unpacked = unpackRecord(record?.value ?? new Uint8Array())
  return unpacked.ok ? unpacked.value.map((bytes) => Buffer.from(bytes).toString()) : []
}

describe('the lane', () => {
  it('one request in flight; what arrives meanwhile rides in the next, one record a partition', async () => {
    const log = slowLog()
    const mine = lane({ ...limits, schedule: setImmediate, send: log.send })
    const first = mine.produce('t', 0, [Buffer.from('a')])
    await new Promise((done) => setImmediate(done))
    const rest = [
      mine.produce('t', 0, [Buffer.from('b')]),
      mine.produce('t', 1, [Buffer.from('c')]),
      mine.produce('t', 0, [Buffer.from('d')]),
    ]
    assert.equal(log.requests.length, 1)
    await log.answer([at(7)])
    assert.deepEqual(await first, { offset: 7 })
    assert.deepEqual(log.requests[1]?.map(texts), [['b', 'd'], ['c']])
    await log.answer([at(8), at(0)])
    assert.deepEqual(
      (await Promise.all(rest)).map(({ offset }) => offset),
      [8, 0, 8],
    )
    assert.equal(mine.pendingBytes(), 0)
  })

  it('a failed partition fails its own calls only; a failed request fails all of it, and the lane goes on', async () => {
    const log = slowLog()
    const mine = lane({ ...limits, schedule: setImmediate, send: log.send })
    const calls = [mine.produce('t', 0, [Buffer.from('a')]), mine.produce('t', 1, [Buffer.from('b')])]
    const settled = Promise.allSettled(calls)
    await new Promise((done) => setImmediate(done))
    await log.answer([{ ok: false, error: new LogError('LOG_FAILED', 'no') }, at(3)])
    assert.deepEqual(
      (await settled).map(({ status }) => status),
      ['rejected', 'fulfilled'],
    )
    const lost = assert.rejects(mine.produce('t', 0, [Buffer.from('c')]), { code: 'LOG_FAILED' })
    await new Promise((done) => setImmediate(done))
    await log.fail(new Error('away'))
    await lost
    const last = mine.produce('t', 0, [Buffer.from('d')])
    await new Promise((done) => setImmediate(done))
    await log.answer([at(9)])
    assert.deepEqual(await last, { offset: 9 })
  })

  it('a call over several records resolves with its last and gives the first offset; a failed part drops the rest', async () => {
    const log = slowLog()
    const mine = lane({ ...limits, schedule: setImmediate, send: log.send })
    const big = mine.produce(
      't',
      0,
      ['a', 'b', 'c'].map((text) => Buffer.from(text.repeat(90))),
    )
    await new Promise((done) => setImmediate(done))
    await log.answer([at(1)])
    assert.equal(log.requests.length, 2)
    await log.answer([at(2)])
    assert.deepEqual(await big, { offset: 1 })

    const doomed = assert.rejects(
      mine.produce(
        't',
        0,
        ['a', 'b', 'c'].map((text) => Buffer.from(text.repeat(90))),
      ),
    )
    const behind = mine.produce('t', 0, [Buffer.from('behind')])
    await new Promise((done) => setImmediate(done))
    await log.answer([{ ok: false, error: new LogError('LOG_FAILED', 'no') }])
    await doomed
    assert.deepEqual(log.requests.at(-1)?.map(texts), [['behind']])
    await log.answer([at(5)])
    assert.deepEqual(await behind, { offset: 5 })
    assert.equal(mine.pendingBytes(), 0)
  })

  it('timeoutMs: waiting and sent calls are rejected, their bytes are held until the request has ended', async () => {
    const log = slowLog()
    const mine = lane({ ...limits, timeoutMs: 20, schedule: setImmediate, send: log.send })
    const sent = mine.produce('t', 0, [Buffer.from('sent')])
    await new Promise((done) => setImmediate(done))
    const waiting = mine.produce('t', 0, [Buffer.from('waiting')])
    await assert.rejects(sent, { code: 'LOG_FAILED' })
    await assert.rejects(waiting, { code: 'LOG_FAILED' })
    assert.equal(mine.pendingBytes(), 'sent'.length + 4)
    await log.answer([at(1)])
    assert.equal(mine.pendingBytes(), 0)
    assert.equal(log.requests.length, 1, 'what nobody waits for any more is not sent')
    await mine.close()
  })

  it('close waits for what is on its way and refuses what comes after', async () => {
    const log = slowLog()
    const mine = lane({ ...limits, schedule: setImmediate, send: log.send })
    const call = mine.produce('t', 0, [Buffer.from('a')])
    await new Promise((done) => setImmediate(done))
    let isClosed = false
    const closing = mine.close().then(() => {
      isClosed = true
    })
    await assert.rejects(mine.produce('t', 0, []), { code: 'LOG_CLOSED' })
    await new Promise((done) => setImmediate(done))
    assert.equal(isClosed, false)
    await log.answer([at(1)])
    await Promise.all([call, closing])
  })
})
