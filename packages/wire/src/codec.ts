import type { Jid } from '@starling/jid'
import type { Stanza, StanzaKind } from '@starling/stanza'
import { byteReader, byteWriter, type Reader, type Writer } from './bytes.ts'
import type { Envelope, EnvelopeKind } from './envelope.ts'
import type { Cause, Recipient, Target } from './envelope-parts.ts'
import { decodeJson, encodeJson } from './json.ts'

/** Numbers of the kinds on the wire; a number is never reused. */
export const kindNumbers = {
  bind: 1,
  client: 2,
  account: 3,
  drop: 4,
  loaded: 5,
  accountChanged: 6,
  enable: 7,
  resume: 8,
  expire: 9,
  answered: 15,
  reassert: 17,
  deliver: 10,
  cast: 11,
  sent: 12,
  state: 13,
  podDied: 14,
  recount: 16,
  bundle: 18,
  request: 20,
  write: 21,
  ask: 22,
  offline: 23,
  flush: 24,
  output: 30,
  bound: 31,
  close: 32,
  answer: 33,
  lease: 34,
  signal: 35,
  outputBundle: 36,
} as const satisfies Record<EnvelopeKind, number>

const kindNames = new Map<number, EnvelopeKind>(
  Object.entries(kindNumbers).map(([name, number]) => [number, name as EnvelopeKind]),
)
const stanzaKinds: readonly StanzaKind[] = ['message', 'presence', 'iq']

// Fields by bit of the flags word, in the order in which they stand.
const has = {
  cause: 1,
  target: 2,
  ordinal: 4,
  place: 8, // slot and epoch
  recipients: 16,
  keys: 32,
  stanza: 64,
  head: 128,
  raw: 256,
  carried: 512,
  ordinals: 1024, // one for each recipient, 0 where it has none
  trace: 2048,
} as const

/** Every field an envelope of some kind has; kinds are checked where they are built, by the types. */
type Fields = {
  readonly kind: EnvelopeKind
  readonly key: string
  readonly atMs: number
  readonly cause?: Cause
  readonly target?: Target
  readonly ordinal?: number
  readonly slot?: number
  readonly epoch?: number
  readonly recipients?: readonly Recipient[]
  readonly keys?: readonly string[]
  readonly stanza?: Stanza
  readonly head?: unknown
  readonly raw?: Uint8Array
  readonly carried?: Uint8Array
  readonly trace?: Uint8Array
}

// What an envelope takes beside the bytes it carries, mostly; a longer one is copied once.
const headBytes = 512

/**
 * Encodes one envelope.
 * Shape: u8 kind, u16 flags, u48 atMs, str16 key, then the fields of `has` in its order. Fields are only ever added, with
 * new bits at the end: a reader that does not know them stops before them.
 */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const f = envelope as Fields
  const flags = flagsOf(f)
  const w = byteWriter(expectedBytes(f))
  w.u8(kindNumbers[f.kind])
  w.u16(flags)
  w.u48(f.atMs)
  w.text16(f.key)
  if (f.cause !== undefined) writeCause(w, f.cause)
  if (f.target !== undefined) {
    w.u16(f.target.slot)
    w.u53(f.target.epoch)
    w.u32(f.target.connection)
  }
  if (f.ordinal !== undefined) w.u48(f.ordinal)
  if (f.slot !== undefined) {
    w.u16(f.slot)
    w.u53(f.epoch ?? 0)
  }
  if (f.recipients !== undefined) writeRecipients(w, f.recipients)
  if (f.keys !== undefined) {
    w.u32(f.keys.length)
    for (const key of f.keys) w.text16(key)
  }
  if (f.stanza !== undefined) writeStanza(w, f.stanza)
  if (f.head !== undefined) w.bytes32(encodeJson(f.head))
  if (f.raw !== undefined) w.bytes32(f.raw)
  if (f.carried !== undefined) w.bytes32(f.carried)
  if (flags & has.ordinals) for (const { ordinal } of f.recipients ?? []) w.u48(ordinal ?? 0)
  if (f.trace !== undefined) w.bytes32(f.trace)
  return w.end()
}

/** The fields that are there. */
function flagsOf(f: Fields): number {
  return (
    (f.cause === undefined ? 0 : has.cause) |
    (f.target === undefined ? 0 : has.target) |
    (f.ordinal === undefined ? 0 : has.ordinal) |
    (f.slot === undefined ? 0 : has.place) |
    (f.recipients === undefined ? 0 : has.recipients | ordinalsFlag(f.recipients)) |
    (f.keys === undefined ? 0 : has.keys) |
    (f.stanza === undefined ? 0 : has.stanza) |
    (f.head === undefined ? 0 : has.head) |
    (f.raw === undefined ? 0 : has.raw) |
    (f.carried === undefined ? 0 : has.carried) |
    (f.trace === undefined ? 0 : has.trace)
  )
}

function ordinalsFlag(recipients: readonly Recipient[]): number {
  return recipients.some(({ ordinal }) => ordinal !== undefined) ? has.ordinals : 0
}

function writeCause(w: Writer, { inbox, partition, offset, index }: Cause): void {
  w.u8(inbox)
  w.u16(partition)
  w.u53(offset)
  w.u32(index)
}

function writeRecipients(w: Writer, recipients: readonly Recipient[]): void {
  w.u32(recipients.length)
  for (const { connection, to } of recipients) {
    w.u32(connection)
    w.text16(to)
  }
}

function expectedBytes({ stanza, raw, carried }: Fields): number {
  return headBytes + (stanza?.raw.length ?? 0) + (raw?.length ?? 0) + (carried?.length ?? 0)
}

function writeStanza(w: Writer, stanza: Stanza): void {
  w.u8(stanzaKinds.indexOf(stanza.kind))
  w.text16(stanza.type)
  w.text16(stanza.id)
  w.text16(stanza.from)
  w.text16(stanza.to)
  w.u16(stanza.payloads.length)
  for (const payload of stanza.payloads) w.text16(payload)
  w.bytes32(stanza.raw)
}

function readStanzaFields(r: Reader): Stanza {
  const kind = stanzaKinds[r.u8()] ?? 'message'
  const type = r.text16()
  const id = r.text16()
  const from = r.text16() as Jid | ''
  const to = r.text16() as Jid | ''
  const count = r.u16()
  const payloads: string[] = []
  for (let i = 0; i < count; i++) payloads.push(r.text16())
  return { kind, type, id, from, to, payloads, raw: r.bytes32() }
}

/** Why an envelope could not be read. */
export type EnvelopeFault = 'kind' | 'truncated'

/**
 * Decodes one envelope; bytes fields are views on the same memory.
 * Errors: a fault as a value for an unknown kind (a newer version wrote it) or a cut one; never throws.
 */
export function decodeEnvelope(
  bytes: Uint8Array,
): { readonly ok: true; readonly value: Envelope } | { readonly ok: false; readonly error: EnvelopeFault } {
  const r = byteReader(bytes)
  const kind = kindNames.get(r.u8())
  if (kind === undefined) return { ok: false, error: 'kind' }
  const flags = r.u16()
  const out: Record<string, unknown> = { kind, atMs: r.u48(), key: r.text16() }
  if (flags & has.cause) out['cause'] = { inbox: r.u8(), partition: r.u16(), offset: r.u53(), index: r.u32() }
  if (flags & has.target) out['target'] = { slot: r.u16(), epoch: r.u53(), connection: r.u32() }
  if (flags & has.ordinal) out['ordinal'] = r.u48()
  if (flags & has.place) {
    out['slot'] = r.u16()
    out['epoch'] = r.u53()
  }
  if (flags & has.recipients) out['recipients'] = readMany(r, () => ({ connection: r.u32(), to: r.text16() }))
  if (flags & has.keys) out['keys'] = readMany(r, () => r.text16())
  if (flags & has.stanza) out['stanza'] = readStanzaFields(r)
  if (flags & has.head) {
    const head = decodeJson(r.bytes32())
    if (head === undefined) return { ok: false, error: 'truncated' }
    out['head'] = head
  }
  if (flags & has.raw) out['raw'] = r.bytes32()
  if (flags & has.carried) out['carried'] = r.bytes32()
  if (flags & has.ordinals) {
    const recipients = (out['recipients'] ?? []) as readonly Recipient[]
    out['recipients'] = recipients.map((recipient) => {
      const ordinal = r.u48()
      return ordinal === 0 ? recipient : { ...recipient, ordinal }
    })
  }
  if (flags & has.trace) out['trace'] = r.bytes32()
  if (r.isOver()) return { ok: false, error: 'truncated' }
  return { ok: true, value: out as unknown as Envelope }
}

function readMany<T>(r: Reader, one: () => T): T[] {
  const count = r.u32()
  const out: T[] = []
  for (let i = 0; i < count && !r.isOver(); i++) out.push(one())
  return out
}
