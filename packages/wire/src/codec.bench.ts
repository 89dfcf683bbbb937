import type { FullJid, Jid } from '@starling/jid'
import { causeTable } from './causes.ts'
import { decodeEnvelope, encodeEnvelope } from './codec.ts'
import type { Deliver, FromClient } from './envelope.ts'
import type { Output } from './pod-envelopes.ts'
import { packRecord, unpackRecord } from './record.ts'

/** One figure of a benchmark. */
type Figure = { readonly name: string; readonly value: number; readonly unit: string }

const envelopesPerRecord = 100
const stanzaBytes = 626
const recordsPerRound = 60
const rounds = 15

/** What the codec costs a stanza, alone: packed into records of 100, as the best of some rounds. Units: CPU time. */
export async function bench(): Promise<readonly Figure[]> {
  const numbers = Array.from({ length: envelopesPerRecord }, (_, i) => i)
  return [
    ...figures('client', numbers.map(fromClient)),
    ...figures('deliver', numbers.map(deliver)),
    ...figures('output', numbers.map(output)),
    ...causeFigures(),
  ]
}

function figures(kind: string, envelopes: readonly (FromClient | Deliver | Output)[]): readonly Figure[] {
  const encoded = envelopes.map(encodeEnvelope)
  const record = packRecord(encoded)
  return [
    { name: `${kind}: record of ${envelopesPerRecord}`, value: record.length, unit: 'B' },
    measure(`${kind}: encode`, () => {
      for (const envelope of envelopes) encodeEnvelope(envelope)
    }),
    measure(`${kind}: encode and pack`, () => void packRecord(envelopes.map(encodeEnvelope))),
    measure(`${kind}: unpack`, () => void unpackRecord(record)),
    measure(`${kind}: unpack and decode`, () => {
      const unpacked = unpackRecord(record)
      if (unpacked.ok) for (const bytes of unpacked.value) decodeEnvelope(bytes)
    }),
  ]
}

/** What the marks of R3 cost: a cause looked up for each stanza, and the table written once for a batch as large as a record here. */
function causeFigures(): readonly Figure[] {
  const table = causeTable('')
  let offset = 0
  return [
    measure('causes: accept', () => {
      offset++
      for (let index = 0; index < envelopesPerRecord; index++) {
        table.accept({ inbox: 1, partition: index % 64, offset, index })
      }
    }),
    measure('causes: table of 64 partitions, one a record', () => void table.encode()),
  ]
}

/** `run` handles one record; other work on the machine only ever adds, so the best round counts. */
function measure(name: string, run: () => void): Figure {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds * 2; round++) {
    const start = process.cpuUsage()
    for (let record = 0; record < recordsPerRound; record++) run()
    const { user, system } = process.cpuUsage(start)
    if (round >= rounds) best = Math.min(best, (user + system) / (recordsPerRound * envelopesPerRecord))
  }
  return { name, value: best, unit: 'µs/stanza' }
}

const target = { slot: 3, epoch: 1_234_567, connection: 8_421 } as const
const atMs = 1_764_000_000_123

function stanza(number: number): FromClient['stanza'] {
  const raw = Buffer.alloc(stanzaBytes, 'x')
  raw.write(`<message from='user${number}@example.org/phone' to='peer${number}@example.org' type='chat'><body>`)
  raw.write('</body></message>', stanzaBytes - '</body></message>'.length)
  return {
    kind: 'message',
    type: 'chat',
    id: `b3c4-${number}`,
    from: `user${number}@example.org/phone` as FullJid,
    to: `peer${number}@example.org` as Jid,
    payloads: ['{jabber:client}body', '{urn:xmpp:sid:0}origin-id', '{urn:xmpp:receipts}request'],
    raw,
  }
}

function fromClient(number: number): FromClient {
  return { kind: 'client', key: `user${number}@example.org`, atMs, target, ordinal: number + 1, stanza: stanza(number) }
}

function deliver(number: number): Deliver {
  const cause = { inbox: 0, partition: 7, offset: 99_000, index: number * 65_536 } as const
  return { kind: 'deliver', key: `peer${number}@example.org`, atMs, cause, stanza: stanza(number) }
}

function output(number: number): Output {
  const cause = { inbox: 1, partition: 7, offset: 99_000, index: number * 65_536 } as const
  const recipients = [{ connection: number, to: '' }]
  return { kind: 'output', key: '', atMs, cause, slot: 3, epoch: 1_234_567, recipients, raw: stanza(number).raw }
}
