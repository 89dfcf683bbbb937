import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { defaultSettings } from '@starling/runtime'
import { type OtlpReceiver, play, startOtlpReceiver, traceStory, type World } from '@starling/testkit'
import { type Server, startEmbedded } from './embedded.ts'

// The certificate of a test is its own: nobody signed it. In production clients check it.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'

const worldOf = ({ reach, createAccount }: Server): World => ({ reaches: [reach], createAccount })

async function counted(server: Server): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${server.reach.http}/metrics`)
  return (await response.text()).match(/^starling_trace_spans_total\{.*$/gm)?.join('\n') ?? ''
}

async function chatUntil(server: Server, holds: (metrics: string) => boolean): Promise<string> {
  let metrics = ''
  await play(worldOf(server), 'chat', async ({ device }) => {
    const romeo = await device('romeo')
    await romeo.available()
    const end = performance.now() + 20_000
    do {
      await romeo.message(romeo.jid, 'a word')
      await romeo.nextBody()
      metrics = await counted(server)
    } while (!holds(metrics) && performance.now() < end)
  })
  return metrics
}

describe('tracing: a stanza from socket to socket', () => {
  let receiver: OtlpReceiver
  let server: Server
  before(async () => {
    receiver = await startOtlpReceiver()
    const tracing = {
      otlpUrl: receiver.url,
      sampleRatio: 1,
      otlpHeaders: 'x-token=abc, x-other=d=e',
      maxQueuedSpans: 8_192,
    }
    server = await startEmbedded({ tracing })
  })
  after(async () => {
    await server.end()
    await receiver.close()
  })

  it('one trace holds every hop of a message, each under the one before; no span names a person or a word', async () => {
    const spans = await traceStory(worldOf(server), receiver)
    assert.deepEqual([...new Set(spans.map(({ service }) => service))], ['starling'])
    assert.deepEqual([receiver.headers()['x-token'], receiver.headers()['x-other']], ['abc', 'd=e'])
    assert.match(await counted(server), /fate="sent"\} [1-9]/)
  })
})

describe('tracing: what is not sampled, not taken, or not wanted', () => {
  it('a ratio of 0 traces nothing', async () => {
    const receiver = await startOtlpReceiver()
    const server = await startEmbedded({
      tracing: { ...defaultSettings.tracing, otlpUrl: receiver.url, sampleRatio: 0 },
    })
    await play(worldOf(server), 'none', async ({ device }) => {
      const romeo = await device('romeo')
      await romeo.available()
      await romeo.message(romeo.jid, 'a word')
      await romeo.nextBody()
    })
    await server.end()
    assert.deepEqual(receiver.spans(), [])
    await receiver.close()
  })

  it('R8: a receiver that hangs costs no more than the queue: what comes beyond is dropped and counted, chat goes on', async () => {
    const hanging = createServer(() => {})
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve))
    const otlpUrl = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}/v1/traces`
    const server = await startEmbedded({
      tracing: { ...defaultSettings.tracing, otlpUrl, sampleRatio: 1, maxQueuedSpans: 10 },
    })
    const metrics = await chatUntil(server, (text) => /fate="dropped"\} [1-9]/.test(text))
    assert.match(metrics, /fate="dropped"\} [1-9]/)
    hanging.closeAllConnections()
    hanging.close()
    await server.end()
  })
})
