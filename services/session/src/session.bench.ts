import type { Batch } from '@starling/core'
import type { BareJid, FullJid } from '@starling/jid'
import type { Envelope, Json } from '@starling/wire'
import { stanzaOf } from './testing/client.ts'
import { fakeIo, fakePresence } from './testing/io.ts'
import { createWorker } from './worker.ts'

const perBatch = 100
const batches = 50
const rounds = 12
const kinds = [
  { accounts: 200, devices: 1, contacts: 0, name: 'a message to a contact' },
  { accounts: 200, devices: 1, contacts: 1_000, name: 'of an account with 1,000 contacts' },
  { accounts: 200, devices: 50, contacts: 0, name: 'of one of 50 devices' },
] as const

type Kind = (typeof kinds)[number]

/** CPU of the session stage alone for a message, its own port in memory, and how that grows with its sender. Units: µs. */
export async function bench(): Promise<readonly { name: string; value: number; unit: string }[]> {
  const senders = await Promise.all(kinds.map(sender))
  const best = kinds.map(() => Number.POSITIVE_INFINITY)
  // By turns, the first for the compiler; other work on the machine only ever adds
  for (let round = 0; round <= rounds; round++) {
    for (const [index, once] of senders.entries()) {
      const cost = await once()
      if (round > 0) best[index] = Math.min(best[index] ?? cost, cost)
    }
  }
  return kinds.map(({ name }, index) => ({ name: `session stage: ${name}`, value: best[index] ?? 0, unit: 'µs' }))
}

/** A stage that such accounts are on at; what is returned has them send messages. Units: µs of CPU a message. */
async function sender({ accounts, devices, contacts }: Kind): Promise<() => Promise<number>> {
  const worker = createWorker(
    fakeIo({ presence: fakePresence().port, limits: { maxResources: devices, maxRosters: accounts } }),
  )
  let offset = 0
  const run = async (envelopes: readonly Envelope[]): Promise<readonly Envelope[]> => {
    const inputs = envelopes.map((envelope, index) => ({
      place: { inbox: 'session', partition: 0, offset, index } as const,
      envelope,
    }))
    const batch: Batch = { inbox: 'session', partition: 0, inputs, lastOffset: offset }
    offset += 1
    const { outputs, save } = await worker.work(batch)
    await save?.()
    return outputs.map(({ envelope }) => envelope)
  }
  const keys = Array.from({ length: accounts }, (_, n) => `user${n}@example.org` as BareJid)
  const target = (n: number, device = 0): { slot: number; epoch: number; connection: number } => ({
    slot: 1,
    epoch: 1,
    connection: n * devices + device,
  })
  const items = Array.from({ length: contacts }, (_, k) => ({
    jid: `contact${k}@example.org` as BareJid,
    name: 'Name of a friend',
    groups: ['Friends'],
    subscription: 'both',
    ask: false,
    approved: false,
    isListed: true,
  }))
  for (const [n, key] of keys.entries()) {
    for (let device = 0; device < devices; device++) {
      const bound = { resource: device === 0 ? 'bench' : `device-${device}`, iqId: 'b', generation: 1, lang: '' }
      const bind: Envelope = { kind: 'bind', key, atMs: 1, target: target(n, device), head: bound }
      const [ask] = await run([bind])
      if (ask?.kind !== 'ask' || ask.carried === undefined) continue
      const head = { exists: true, roster: { version: '1', items }, slices: {} } as unknown as Json
      await run([{ kind: 'loaded', key, atMs: 1, head, carried: ask.carried }])
    }
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
  return async () => {
    const prepared = Array.from({ length: batches }, (_, b) =>
      Array.from({ length: perBatch }, (_unused, i) => message((b * perBatch + i) % accounts)),
    )
    const before = process.cpuUsage()
    for (const envelopes of prepared) {
      const outputs = await run(envelopes)
      if (outputs.filter(({ kind }) => kind === 'deliver').length < perBatch) throw new Error('messages went nowhere')
    }
    const { user, system } = process.cpuUsage(before)
    return (user + system) / (batches * perBatch)
  }
}
