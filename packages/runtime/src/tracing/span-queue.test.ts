import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import { until } from '../test-ports.ts'
import { SpanQueue } from './span-queue.ts'

const span = {} as ReadableSpan

function bed(maxSpans: number) {
  const requests: { readonly spans: number; readonly answer: (code: number) => void }[] = []
  const fates: Record<string, number> = {}
  const exporter: SpanExporter = {
    export: (spans, done) => requests.push({ spans: spans.length, answer: (code) => done({ code }) }),
    shutdown: async () => {},
  }
  const queue = new SpanQueue({
    exporter,
    maxSpans,
    onFate: (fate, count) => {
      fates[fate] = (fates[fate] ?? 0) + count
    },
  })
  const add = (count: number): void => {
    for (let i = 0; i < count; i++) queue.onEnd(span)
  }
  return { queue, requests, fates, add }
}

describe('tracing: the queue of spans', () => {
  it('one request is under way, of 512 spans at most; what became of each is told', async () => {
    const { queue, requests, fates, add } = bed(2_000)
    add(600)
    const flushed = queue.forceFlush()
    assert.deepEqual(
      requests.map(({ spans }) => spans),
      [512],
    )
    requests[0]?.answer(0)
    await until('the rest', () => requests.length === 2)
    requests[1]?.answer(1)
    await flushed
    assert.deepEqual([requests[1]?.spans, fates], [88, { sent: 512, refused: 88 }])
  })

  it('R8: beyond its bound spans are dropped and counted', async () => {
    const { queue, requests, fates, add } = bed(10)
    add(13)
    assert.deepEqual(fates, { dropped: 3 })
    const flushed = queue.forceFlush()
    add(13)
    assert.deepEqual(fates, { dropped: 6 }, 'as many may wait while a request is under way')
    requests[0]?.answer(0)
    await until('the rest', () => requests.length === 2)
    requests[1]?.answer(0)
    await flushed
    assert.deepEqual(fates, { dropped: 6, sent: 20 })
  })

  it('the end sends what waits', async () => {
    const { queue, requests, fates, add } = bed(10)
    add(2)
    const ended = queue.shutdown()
    requests[0]?.answer(0)
    await ended
    assert.deepEqual(fates, { sent: 2 })
  })
})
