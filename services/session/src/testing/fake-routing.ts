import { bareOf, type Jid, resourcepartOf } from '@starling/jid'
import type { Stanza } from '@starling/stanza'
import type { Cast, Deliver, Envelope, State, StateChange } from '@starling/wire'
import { setRootAttribute } from '@starling/xml'

interface Routed {
  readonly connection: number
  readonly isAvailable: boolean
}

/** Routing as tests need it: who gets what, by connection. */
export interface FakeRouting {
  readonly handle: (envelope: Envelope) => void
  /** What each connection was written, as text. */
  readonly written: Map<number, string[]>
  readonly states: (StateChange & { readonly key: string })[]
  /** Envelopes that are neither deliveries nor states. */
  readonly others: Envelope[]
  /** What each connection was told of the session it goes on with. */
  readonly resumed: Map<number, StateChange & { readonly change: 'resumed' }>
  /** The SM-ID that each connection was told. */
  readonly smIds: Map<number, string>
  /** Messages that reached an account, by bare JID, with the resource meant. */
  readonly messages: Stanza[]
}

/** Delivers presence and IQs as RFC 6121 §8.5 has it; messages are only noted. */
export function fakeRouting(): FakeRouting {
  const accounts = new Map<string, Map<string, Routed>>()
  const written = new Map<number, string[]>()
  const states: FakeRouting['states'] = []
  const others: Envelope[] = []
  const messages: Stanza[] = []
  const resumed: FakeRouting['resumed'] = new Map()
  const smIds: FakeRouting['smIds'] = new Map()
  const write = (connection: number, raw: Uint8Array): void => {
    const list = written.get(connection) ?? []
    list.push(Buffer.from(raw).toString('utf8'))
    written.set(connection, list)
  }
  const manage = (head: StateChange, sessions: Map<string, Routed>): void => {
    if (head.change === 'enabled') {
      smIds.set(head.target.connection, head.smId)
      write(head.target.connection, Buffer.from(`<enabled max='${head.maxSeconds}'/>`))
    } else if (head.change === 'resumed') {
      const session = sessions.get(head.resource)
      if (session !== undefined) sessions.set(head.resource, { ...session, connection: head.target.connection })
      resumed.set(head.target.connection, head)
      smIds.set(head.target.connection, head.smId)
      write(head.target.connection, Buffer.from(`<resumed h='${head.count}'/>`))
    } else if (head.change === 'resumeRefused') {
      write(head.target.connection, Buffer.from(head.h === undefined ? '<failed/>' : `<failed h='${head.h}'/>`))
    }
  }
  const state = ({ key, head }: State): void => {
    states.push({ ...head, key })
    const sessions = accounts.get(key) ?? new Map<string, Routed>()
    accounts.set(key, sessions)
    if (head.change === 'bound') {
      sessions.set(head.resource, { connection: head.target.connection, isAvailable: false })
      write(head.target.connection, head.reply)
    } else if (head.change === 'updated') {
      const session = sessions.get(head.resource)
      if (session !== undefined) sessions.set(head.resource, { ...session, isAvailable: head.isAvailable })
    } else if (head.change === 'ended') sessions.delete(head.resource)
    else if (head.change === 'refused') write(head.target.connection, head.reply)
    else if (head.change === 'kicked') write(head.target.connection, Buffer.from(`<${head.condition}/>`))
    else manage(head, sessions)
  }
  const deliverTo = (to: string, stanza: Stanza, resource: string | undefined): void => {
    const sessions = accounts.get(bareOf(to as Jid)) ?? new Map<string, Routed>()
    const one = resource ?? resourcepartOf(to as Jid)
    for (const [name, session] of sessions) {
      if (one === '' ? session.isAvailable : name === one) write(session.connection, stanza.raw)
    }
  }
  const deliver = ({ key, stanza, head }: Deliver): void => {
    if (stanza.kind === 'message') messages.push(stanza)
    deliverTo(stanza.to === '' ? key : stanza.to, stanza, head?.resource)
  }
  const cast = ({ keys, stanza }: Cast): void => {
    for (const to of keys) deliverTo(to, { ...stanza, raw: setRootAttribute(stanza.raw, 'to', to) }, undefined)
  }
  return {
    written,
    states,
    others,
    messages,
    resumed,
    smIds,
    handle: (envelope) => {
      if (envelope.kind === 'state') state(envelope)
      else if (envelope.kind === 'deliver') deliver(envelope)
      else if (envelope.kind === 'cast') cast(envelope)
      else others.push(envelope)
    },
  }
}
