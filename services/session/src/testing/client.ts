import { type BareJid, bareOf, type FullJid, fullJid } from '@starling/jid'
import { readStanza, type Stanza } from '@starling/stanza'
import type { Bind, Envelope, StateChange, Target } from '@starling/wire'
import { scanElement } from '@starling/xml'
import type { FakeRouting } from './fake-routing.ts'

/** A client in a test. */
export interface Client {
  readonly jid: FullJid
  readonly connection: number
  readonly target: Target
  /** Sends a stanza, and all that follows from it happens. */
  readonly send: (xml: string) => Promise<void>
  /** Sends a stanza; nothing happens yet. */
  readonly queue: (xml: string) => void
  /** Sends a stanza that its pod deals with, and answers if there is a reply; nothing happens yet. */
  readonly queueAnswered: (reply?: string) => void
  /** What came since the last call, as XML. */
  readonly heard: () => readonly string[]
  /** The connection ends: `closed` by the client itself, unless another reason is given; it may have acknowledged so many. */
  readonly drop: (reason?: string, acked?: number) => Promise<void>
  /** Asks for stream management; nothing happens yet. */
  readonly queueEnable: (maxSeconds?: number) => void
  /** The hibernation's time is over, whether there is one or not; nothing happens yet. */
  readonly queueExpire: () => void
}

/** What a client is connected with. */
export interface ClientPorts {
  readonly routing: FakeRouting
  readonly append: (envelope: Envelope) => void
  readonly run: () => Promise<void>
  readonly nextConnection: () => number
}

/** How a client binds, where a test cares. */
export interface BindOptions {
  readonly generation?: number
  readonly epoch?: number
  readonly slot?: number
  readonly head?: Partial<Bind['head']>
}

/** How a client resumes. */
export interface ResumeOptions {
  readonly smId: string
  readonly h?: number
  readonly generation?: number
}

/** Reads XML that a client sends. */
export function stanzaOf(xml: string, from: FullJid): Stanza {
  const scanned = scanElement(Buffer.from(xml))
  if (!scanned.ok) throw new Error(`not XML: ${xml}`)
  const read = readStanza(scanned.value, from)
  if (!read.ok) throw new Error(`no stanza: ${xml}`)
  return read.value
}

/** Connects a client and binds a resource. */
export async function connectClient(
  ports: ClientPorts,
  jid: FullJid,
  { generation, epoch = 7, slot = 1, head: more = {} }: BindOptions = {},
): Promise<Client> {
  const connection = ports.nextConnection()
  const key = bareOf(jid)
  const target = { slot, epoch, connection }
  const resource = jid.slice(key.length + 1)
  const head = { resource, iqId: 'b1', generation: generation ?? connection, lang: '', ...more }
  ports.append({ kind: 'bind', key, atMs: 1000, target, head })
  await ports.run()
  const bound = ports.routing.states.findLast(
    (state): state is StateChange & { change: 'bound'; key: string } =>
      state.change === 'bound' && state.target.connection === connection,
  )
  return clientOf(ports, fullJid(key, bound?.resource ?? resource), { target, ordinal: 0 })
}

/** Asks to go on with a session on a new connection; nothing happens yet. */
export function queueResume(ports: ClientPorts, key: BareJid, { smId, h = 0, generation }: ResumeOptions): Target {
  const connection = ports.nextConnection()
  const target = { slot: 2, epoch: 9, connection }
  const head = { smId, h, generation: generation ?? connection, lang: 'de' }
  ports.append({ kind: 'resume', key, atMs: 2000, target, head })
  return target
}

/** A client on a connection whose last stanza had an ordinal. */
export function clientOf(
  { routing, append, run }: ClientPorts,
  jid: FullJid,
  from: { readonly target: Target; readonly ordinal: number },
): Client {
  const { target } = from
  let { ordinal } = from
  const key = bareOf(jid)
  const atMs = 1000
  const queue = (xml: string): void => {
    ordinal += 1
    append({ kind: 'client', key, atMs, target, ordinal, stanza: stanzaOf(xml, jid) })
  }
  return {
    jid,
    connection: target.connection,
    target,
    send: async (xml) => {
      queue(xml)
      await run()
    },
    queue,
    queueAnswered: (reply) => {
      ordinal += 1
      const stanza = reply === undefined ? {} : { stanza: stanzaOf(reply, jid) }
      append({ kind: 'answered', key, atMs, target, ordinal, ...stanza })
    },
    heard: () => routing.written.get(target.connection)?.splice(0) ?? [],
    drop: async (reason = 'closed', acked) => {
      append({ kind: 'drop', key, atMs, target, head: { reason, ...(acked === undefined ? {} : { acked }) } })
      await run()
    },
    queueEnable: (maxSeconds = 300) => append({ kind: 'enable', key, atMs, target, head: { maxSeconds } }),
    queueExpire: () => append({ kind: 'expire', key, atMs, target }),
  }
}
