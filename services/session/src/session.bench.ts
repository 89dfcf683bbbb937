import type { Batch } from '@starling/core'
import type { BareJid, FullJid } from '@starling/jid'
import { type Envelope, encodeEnvelope } from '@starling/wire'
import { stanzaOf } from './testing/client.ts'
import { fakeIo, fakePresence } from './testing/io.ts'
import { createWorker } from './worker.ts'

const accounts = 200
const perBatch = 100
const batches = 200

/** CPU of the session stage alone for a message, its own port in memory. Units: µs. */
export async function bench(): Promise<readonly { name: string; value: number; unit: string }[]> {
  const worker = createWorker(fakeIo({ presence: fakePresence().port }))
  let offset = 0
  const run = async (envelopes: readonly Envelope[]): Promise<void> => {
    const inputs = envelopes.map((envelope, index) => ({
      place: { inbox: 'session', partition: 0, offset, index } as const,
      envelope,
    }))
    const batch: Batch = { inbox: 'session', partition: 0, inputs, lastOffset: offset }
    offset += 1
    await (await worker.work(batch)).save?.()
  }
  const keys = Array.from({ length: accounts }, (_, n) => `user${n}@example.org` as BareJid)
  const target = (n: number): { slot: number; epoch: number; connection: number } => ({
    slot: 1,
    epoch: 1,
    connection: n,
  })
  for (const [n, key] of keys.entries()) {
    const head = { resource: 'bench', iqId: 'b', generation: 1, lang: '' }
    const bind: Envelope = { kind: 'bind', key, atMs: 1, target: target(n), head }
    await run([bind])
    const empty = { exists: true, roster: { version: '', items: [] }, slices: {} }
    await run([{ kind: 'loaded', key, atMs: 1, head: empty, carried: encodeEnvelope(bind) }])
  }
  const stanzas = keys.map((key) =>
    stanzaOf(
      "<message type='chat' id='m' to='juliet@example.org'><body>hello</body></message>",
      `${key}/bench` as FullJid,
    ),
  )
  const counts = keys.map(() => 0)
  const message = (n: number): Envelope => {
    const ordinal = (counts[n] ?? 0) + 1
    counts[n] = ordinal
    const stanza = stanzas[n]
    const key = keys[n]
    if (stanza === undefined || key === undefined) throw new Error('no such account')
    return { kind: 'client', key, atMs: 1, target: target(n), ordinal, stanza }
  }
  const once = async (count: number): Promise<number> => {
    const prepared = Array.from({ length: count }, (_, b) =>
      Array.from({ length: perBatch }, (_unused, i) => message((b * perBatch + i) % accounts)),
    )
    const before = process.cpuUsage()
    for (const envelopes of prepared) await run(envelopes)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / (count * perBatch)
  }
  await once(100)
  return [{ name: 'session stage: a message to a contact', value: await once(batches), unit: 'µs' }]
}
