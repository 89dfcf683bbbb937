import assert from 'node:assert/strict'
import type { OtlpReceiver, ReceivedSpan } from '../infrastructure/otlp-receiver.ts'
import { play, type World } from './world.ts'

/** Units: ms until all spans of a message must have come. */
const patienceMs = 20_000

/** Every span that a message to somebody who is there has, by the span it hangs under. */
const tree: Readonly<Record<string, readonly string[]>> = {
  'connection-manager.receive': ['connection-manager.append', 'session', 'session.wait'],
  session: ['session.work', 'session.publish', 'session.save', 'routing', 'routing.wait', 'storage', 'storage.wait'],
  routing: ['routing.work', 'routing.publish', 'routing.save', 'connection-manager.wait', 'connection-manager.write'],
  storage: ['storage.work', 'storage.publish', 'storage.save'],
}

/**
 * One message from its sender's socket to its recipient's and into the archive, told by the spans that a receiver got.
 * Returns the spans of its trace.
 */
export async function traceStory(world: World, receiver: OtlpReceiver): Promise<readonly ReceivedSpan[]> {
  let found: readonly ReceivedSpan[] = []
  await play(world, 'trace', async ({ device }) => {
    const romeo = await device('romeo')
    const juliet = await device('juliet')
    await romeo.available()
    await juliet.available()
    await romeo.message(juliet.jid, 'what no span may tell')
    assert.equal((await juliet.nextBody()).body, 'what no span may tell')
    const end = performance.now() + patienceMs
    do {
      await new Promise((resolve) => setTimeout(resolve, 100))
      found = messageTrace(receiver.spans())
    } while (lacks(found).length > 0 && performance.now() < end)
    assert.deepEqual(lacks(found), [], `the trace has ${found.map(({ name }) => name).join(', ')}`)
    for (const { name, startTimeUnixNano: from, endTimeUnixNano: to } of found) {
      assert.ok(BigInt(to) >= BigInt(from), `${name} does not end before it begins`)
    }
    for (const secret of ['what no span may tell', romeo.bare, juliet.bare]) {
      assert.ok(!receiver.text().includes(secret), `no span tells ${secret}`)
    }
  })
  return found
}

/** The spans of the one message that was delivered live. */
function messageTrace(spans: readonly ReceivedSpan[]): readonly ReceivedSpan[] {
  const isMessage = ({ name, attributes }: ReceivedSpan): boolean =>
    name === 'connection-manager.receive' && JSON.stringify(attributes).includes('"message"')
  const root = spans.find(isMessage)
  return spans.filter(({ traceId }) => traceId === root?.traceId)
}

/** What is missing, as `child under parent`. */
function lacks(spans: readonly ReceivedSpan[]): readonly string[] {
  return Object.entries(tree).flatMap(([parent, children]) => {
    const parents = new Set(spans.filter(({ name }) => name === parent).map(({ spanId }) => spanId))
    return children
      .filter((child) => !spans.some(({ name, parentSpanId = '' }) => name === child && parents.has(parentSpanId)))
      .map((child) => `${child} under ${parent}`)
  })
}
