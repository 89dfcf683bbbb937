import assert from 'node:assert/strict'
import type { BareJid } from '@starling/jid'
import type { Envelope } from '@starling/wire'
import { type Client, clientOf, queueResume } from './client.ts'
import type { World } from './world.ts'

interface Line {
  readonly client: Client
  /** Nothing more gets through but what is under way. */
  isBroken: boolean
  /** Its drop stands in the log, so that its hibernation may end. */
  isDropped: boolean
  /** Its stanzas count no more: another connection's resume or the session's end stands in the log. */
  isFenced: boolean
  /** Sent on the broken line; may reach the log late, or never. */
  readonly underWay: string[]
}

/** A device on a bad network that does what XEP-0198 asks of clients, and what must have come of it. */
export interface Device {
  /** Everything it sent, in order. */
  readonly sent: readonly string[]
  /** What its pod acknowledged: it stood in the log while the connection was the session's. */
  readonly acknowledged: ReadonlySet<string>
  /** Whether a session ended with stanzas the device does not know the fate of. */
  readonly hasLostSession: boolean
  readonly send: () => void
  readonly sendAnswered: () => void
  /** Sends a presence, for which the roster is needed. */
  readonly show: () => void
  readonly breakLine: () => void
  /** A stanza that was under way on some broken line reaches the log. */
  readonly late: (line: number) => void
  readonly dropLine: (line: number) => Promise<void>
  readonly expireLine: (line: number) => void
  /** Goes on with its session on a new line, several at once if asked; binds anew where it cannot. */
  readonly reconnect: (how: { readonly isTwice: boolean; readonly isYoungerFirst: boolean }) => Promise<void>
  /** A record that is in the log already stands there again. */
  readonly repeat: (back: number) => void
}

const shown = 'presence'

/** Brings a device online. */
export async function createDevice(world: World, account: string): Promise<Device> {
  const key = `${account}@example.org` as BareJid
  const sent: string[] = []
  const acknowledged = new Set<string>()
  const lines: Line[] = []
  const history: Envelope[] = []
  // stanzas of this SM session, '' for those its pod dealt with, `shown` for presence
  let stanzas: string[] = []
  let smId = ''
  let generation = 0
  let hasLostSession = false
  const { append } = world
  Object.assign(world, {
    append: (envelope: Envelope) => {
      if (envelope.kind !== 'bind') history.push(envelope)
      append(envelope)
    },
  })
  const line = (index: number): Line | undefined => lines[index % lines.length]
  const current = (): Line => {
    const last = lines.at(-1)
    assert.ok(last)
    return last
  }
  const put = (on: Line, id: string): void => {
    if (id === '') on.client.queueAnswered()
    else if (id === shown) on.client.queue('<presence/>')
    else on.client.queue(`<message id='${id}' to='juliet@example.org'/>`)
    if (!on.isFenced && id !== '' && id !== shown) acknowledged.add(id)
  }
  const transmit = (id: string): void => {
    const on = current()
    stanzas.push(id)
    if (on.isBroken) on.underWay.push(id)
    else put(on, id)
  }
  const take = (client: Client): void => {
    for (const one of lines) {
      one.isBroken = true
      one.isFenced = true
    }
    lines.push({ client, isBroken: false, isDropped: false, isFenced: false, underWay: [] })
  }
  const bind = async (): Promise<void> => {
    generation += 1
    const client = await world.connect(account, '', { generation })
    // what comes before <enable/> is not counted
    for (let n = 0; n < generation % 3; n++) client.queueAnswered()
    client.queueEnable()
    await world.run()
    stanzas = []
    take(client)
    smId = world.routing.smIds.get(client.connection) ?? ''
    assert.notEqual(smId, '')
  }
  const expire = (on: Line): void => {
    on.client.queueExpire()
    if (on.isDropped) on.isFenced = true
  }
  const goOn = (target: Client['target']): boolean => {
    const resumed = world.routing.resumed.get(target.connection)
    if (resumed === undefined) return false
    take(clientOf(world.ports, current().client.jid, { target, ordinal: resumed.ordinal }))
    assert.ok(resumed.count <= stanzas.length, 'more counted than sent')
    // XEP-0198 §5: what was not handled is sent again
    for (const id of stanzas.slice(resumed.count)) put(current(), id)
    return true
  }
  await bind()
  return {
    sent,
    acknowledged,
    get hasLostSession() {
      return hasLostSession
    },
    send: () => {
      const id = `m${sent.length}`
      sent.push(id)
      transmit(id)
    },
    sendAnswered: () => transmit(''),
    show: () => transmit(shown),
    breakLine: () => {
      current().isBroken = true
    },
    late: (index) => {
      const from = line(index)
      const id = from?.underWay.shift()
      if (from !== undefined && id !== undefined) put(from, id)
    },
    dropLine: async (index) => {
      const on = line(index)
      if (on === undefined) return
      on.isBroken = true
      on.isDropped = true
      await on.client.drop('lost')
    },
    expireLine: (index) => {
      const on = line(index)
      if (on !== undefined) expire(on)
    },
    reconnect: async ({ isTwice, isYoungerFirst }) => {
      const asked: { target: Client['target']; generation: number }[] = []
      const generations = isTwice ? [generation + 1, generation + 2] : [generation + 1]
      generation += generations.length
      // what is under way may come until here: the resume stands in the log now
      for (const one of lines) one.isFenced = true
      for (const mine of isYoungerFirst ? generations.toReversed() : generations) {
        asked.push({ target: queueResume(world.ports, key, { smId, generation: mine }), generation: mine })
      }
      await world.run()
      const youngest = asked.find((one) => one.generation === generation)
      if (youngest !== undefined && goOn(youngest.target)) return
      hasLostSession = true
      await bind()
    },
    repeat: (back) => {
      const envelope = history.at(-1 - (back % Math.max(1, history.length)))
      const on =
        envelope?.kind === 'expire'
          ? lines.find(({ client }) => client.connection === envelope.target.connection)
          : undefined
      if (on !== undefined) expire(on)
      else if (envelope !== undefined) append(envelope)
    },
  }
}
