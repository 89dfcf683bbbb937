import { memoryPresence } from '@starling/adapters/memory'
import { createRegistry, type Input, type Io, type Module, type Output, type Presence } from '@starling/core'
import type { BareJid, FullJid, Jid } from '@starling/jid'
import { makeStanza, type Stanza } from '@starling/stanza'
import { type Envelope, type StateChange, type Target, unpackRecord } from '@starling/wire'
import { xml } from '@starling/xml'
import { createWorker } from '../worker.ts'

/** The account that receives. */
export const juliet = 'juliet@example.net' as BareJid
/** The account that sends. */
export const romeo = 'romeo@example.net' as BareJid
/** Units: ms; 2025-11-24. */
export const atMs = 1_764_000_000_000

/** What a bed may be told. */
export interface BedOptions {
  readonly modules?: readonly Module[]
  readonly maxUnackedStanzas?: number
  readonly presence?: Presence
  /** Told what counters count. */
  readonly onCount?: (name: string, by: number) => void
}

/** An envelope with the place that a test gives it. */
export interface Placed {
  readonly offset: number
  readonly envelope: Envelope
}

/** Everything a worker needs, its presence in memory. */
export function bedIo({ modules = [], maxUnackedStanzas = 5_000, presence, onCount }: BedOptions = {}): {
  readonly io: Io
  readonly presence: Presence
  readonly bugs: unknown[]
} {
  const bugs: unknown[] = []
  const nothing = () => ({ add: () => {}, set: () => {}, observe: () => {} })
  const counter = (name: string) => ({ add: (by = 1) => onCount?.(name, by) })
  const used = presence ?? memoryPresence({ clock: () => 0 })
  const io = {
    presence: used,
    registry: createRegistry(modules, {}, { name: 'Starling', version: '0' }),
    domain: 'example.net' as BareJid,
    isServed: (domain: string) => domain === 'example.net',
    settings: { sm: { maxUnackedStanzas } },
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: (event: unknown) => bugs.push(event) },
    metrics: { counter, gauge: nothing, histogram: nothing, observed: () => {} },
  } as unknown as Io
  return { io, presence: used, bugs }
}

/** Routing at work on one partition. */
export function bed(options: BedOptions = {}) {
  const { io, presence, bugs } = bedIo(options)
  const worker = createWorker(io)
  let offset = 0
  /** Works placed envelopes as one batch and hands back its outputs and its save. */
  const workPlaced = async (placed: readonly Placed[]) => {
    const inputs = placed.map(
      ({ offset: at, envelope }): Input => ({
        place: { inbox: 'routing', partition: 0, offset: at, index: 0 },
        envelope,
      }),
    )
    return worker.work({ inbox: 'routing', partition: 0, inputs, lastOffset: placed.at(-1)?.offset ?? -1 })
  }
  /** Works envelopes at the next offsets, one each; saves unless told otherwise. */
  const work = async (envelopes: readonly Envelope[], isSaved = true): Promise<readonly Output[]> => {
    const done = await workPlaced(envelopes.map((envelope, index) => ({ offset: offset + index, envelope })))
    if (isSaved) {
      offset += envelopes.length
      await done.save?.()
    }
    return done.outputs
  }
  return { presence, bugs, work, workPlaced }
}

/** A connection of a pod. */
export const target = (slot: number, connection: number, epoch = 1_000): Target => ({ slot, epoch, connection })

/** A change of Juliet's sessions. */
export const state = (head: StateChange): Envelope => ({ kind: 'state', key: juliet, atMs, head })

/** A session with stream management, available. */
export function managed(resource: string, at: Target, { smId = `sm-${resource}`, priority = 0 } = {}): Envelope[] {
  return [
    state({ change: 'bound', resource, target: at, reply: Buffer.from('<iq/>') }),
    state({ change: 'enabled', resource, target: at, smId, maxSeconds: 300 }),
    state({ change: 'updated', resource, isAvailable: true, priority, slices: {} }),
  ]
}

/** A session goes on elsewhere. */
export function resume(resource: string, { to, h, old = to }: { to: Target; h: number; old?: Target }): Envelope {
  const smId = `sm-${resource}`
  return state({ change: 'resumed', resource, smId, target: to, old, h, count: 5, ordinal: 9, maxSeconds: 300 })
}

/** A chat message from Romeo. */
export function message(body: string, to: Jid = juliet, type = 'chat'): Stanza {
  const from = `${romeo}/orchard` as FullJid
  return makeStanza(xml('message', { type, id: 'm', from, to }, xml('body', {}, body)))
}

/** A message in Juliet's inbox. */
export const delivery = (body: string, to?: Jid, type?: string): Envelope => ({
  kind: 'deliver',
  key: juliet,
  atMs,
  stanza: message(body, to, type),
})

const textOf = (raw: Uint8Array): string => Buffer.from(raw).toString()

/** What a stanza's bytes hold: a body, else the kind. */
export function bodyOf(raw: Uint8Array): string {
  return /<body>(.*?)<\/body>|<(presence|iq)/.exec(textOf(raw))?.slice(1).join('') ?? ''
}

/** Where an output goes and what it is, in one line. */
export function told({ to, envelope }: Output): string {
  switch (envelope.kind) {
    case 'output':
      return envelope.recipients
        .map(
          ({ connection, ordinal, to: jid }) =>
            `${envelope.slot}/${connection} #${ordinal ?? '-'} ${jid}${bodyOf(envelope.raw)}`,
        )
        .join(', ')
    case 'outputBundle': {
      const [one] = envelope.recipients
      const stanzas = unpackRecord(envelope.raw)
      const bodies = stanzas.ok ? stanzas.value.map(bodyOf).join(', ') : stanzas.error
      return `${envelope.slot}/${one?.connection} #${one?.ordinal ?? '-'} ${bodies}`
    }
    case 'signal': {
      const { head, target: at } = envelope
      const more = head.signal === 'resumed' ? ` h=${head.count} acked=${head.acked}` : ''
      return `${at.slot}/${at.connection} ${head.signal}${more}`
    }
    case 'deliver': {
      const error = /<error.*?<([a-z-]+)/.exec(textOf(envelope.stanza.raw))?.[1]
      const except = envelope.head?.except === undefined ? '' : ` except ${envelope.head.except}`
      return `${to} ${envelope.key} ${error ?? bodyOf(envelope.stanza.raw)}${except}`
    }
    case 'offline':
      return `offline ${bodyOf(envelope.stanza.raw)}`
    case 'bound':
    case 'close':
      return `${envelope.target.slot}/${envelope.target.connection} ${envelope.kind}`
    default:
      return `${to} ${envelope.kind} ${envelope.key}`
  }
}
