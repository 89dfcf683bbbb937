import type { AccountState, Batch, Presence, StateSave } from '@starling/core'
import type { BareJid, FullJid } from '@starling/jid'
import type { Envelope } from '@starling/wire'
import { bedIo, message, target } from './testing/bed.ts'
import { createWorker } from './worker.ts'

type Figure = { readonly name: string; readonly value: number; readonly unit: string }

const accounts = 200
const perBatch = 100
const batches = 100
const rounds = 12
const contacts = 20
const devices = 50
const presenceStanza = { ...message('hello'), kind: 'presence', type: '', to: '' } as const

/** CPU of the routing stage alone for a message to one session: what stream management adds. Units: µs. */
export async function bench(): Promise<readonly Figure[]> {
  const plain = await messageCost(false)
  const managed = await messageCost(true)
  const presence = await messageCost(false, { castTo: contacts })
  const ofMany = await messageCost(false, { devices })
  const managedOfMany = await messageCost(true, { devices })
  return [
    { name: 'a presence, for each of 20 contacts', value: presence / contacts, unit: 'µs/delivery' },
    { name: 'a message, without stream management', value: plain, unit: 'µs/message' },
    { name: 'a message, numbered and kept', value: managed, unit: 'µs/message' },
    { name: 'a message to one of 50 devices, without stream management', value: ofMany, unit: 'µs/message' },
    { name: 'the same, numbered and kept', value: managedOfMany, unit: 'µs/message' },
    { name: 'what stream management adds', value: managed - plain, unit: 'µs/message' },
  ]
}

/**
 * A message to one session of an account that has so many, or presence to so many accounts. The best of some rounds: other work on the
 * machine only ever adds.
 */
async function messageCost(
  isManaged: boolean,
  { castTo = 0, devices: each = 1 }: { readonly castTo?: number; readonly devices?: number } = {},
): Promise<number> {
  const worker = createWorker(bedIo({ presence: fieldsOnly() }).io)
  let offset = 0
  const run = async (envelopes: readonly Envelope[]): Promise<void> => {
    const inputs = envelopes.map((envelope, index) => ({
      place: { inbox: 'routing', partition: 0, offset, index } as const,
      envelope,
    }))
    const batch: Batch = { inbox: 'routing', partition: 0, inputs, lastOffset: offset }
    offset += 1
    await (await worker.work(batch)).save?.()
  }
  const keys = Array.from({ length: accounts }, (_, n) => `user${n}@example.net` as BareJid)
  const stanzas = keys.map((key) => message('x'.repeat(400), each === 1 ? key : (`${key}/phone` as FullJid)))
  for (const [n, key] of keys.entries()) {
    const base = { kind: 'state', key, atMs: 1 } as const
    for (let device = 0; device < each; device++) {
      const resource = device === 0 ? 'phone' : `device-${device}`
      const at = target(1, n * each + device)
      const smId = `1-rs-${n * each + device}`
      const begin: Envelope[] = [
        { ...base, head: { change: 'bound', resource, target: at, reply: Buffer.from('<iq/>') } },
        { ...base, head: { change: 'enabled', resource, target: at, smId, maxSeconds: 300 } },
        { ...base, head: { change: 'updated', resource, isAvailable: true, priority: 0, slices: {} } },
      ]
      await run(begin.filter((_, index) => isManaged || index !== 1))
    }
  }
  const batchAt = (number: number): readonly Envelope[] =>
    Array.from({ length: perBatch }, (_, i) => {
      const n = (number * perBatch + i) % accounts
      const [key, stanza] = [keys[n], stanzas[n]]
      if (key === undefined || stanza === undefined) throw new Error('no such account')
      if (castTo === 0) return { kind: 'deliver', key, atMs: 1, stanza }
      const watching = Array.from({ length: castTo }, (_contact, k) => keys[(n + k) % accounts] ?? key)
      return { kind: 'cast', key, atMs: 1, keys: watching, stanza: presenceStanza }
    })
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds * 2; round++) {
    const before = process.cpuUsage()
    for (let number = 0; number < batches; number++) await run(batchAt(number))
    const { user, system } = process.cpuUsage(before)
    if (round >= rounds) best = Math.min(best, (user + system) / (batches * perBatch))
  }
  return best
}

/** Presence that keeps fields and lets queues go: what a queue costs there is the adapter's figure. */
function fieldsOnly(): Presence {
  const states = new Map<string, AccountState>()
  const none: AccountState = { mark: -1, fields: new Map() }
  const save = ({ account, mark, set, remove }: StateSave): boolean => {
    const fields = new Map(states.get(account)?.fields)
    for (const field of remove) fields.delete(field)
    for (const [field, bytes] of set) fields.set(field, bytes)
    states.set(account, { mark, fields })
    return true
  }
  return {
    readStates: async (_kind: string, names: readonly string[]) => names.map((name) => states.get(name) ?? none),
    saveStates: async (_kind: string, saves: readonly StateSave[]) => saves.map(save),
  } as unknown as Presence
}
