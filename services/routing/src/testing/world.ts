import assert from 'node:assert/strict'
import { memoryPresence } from '@starling/adapters/memory'
import type { Input, Output, Presence, Work, Worker } from '@starling/core'
import { type BareJid, fullJid } from '@starling/jid'
import {
  type CauseTable,
  causeIndex,
  causeTable,
  type Envelope,
  inboxes,
  type StateChange,
  type Target,
} from '@starling/wire'
import { createWorker } from '../worker.ts'
import { atMs, bedIo, bodyOf, message } from './bed.ts'

/** A connection as its pod knows it. */
interface Connection {
  readonly session: Session
  isOpen: boolean
  isCounting: boolean
  written: number
}

/** A session as its client and the session stage know it. */
export interface Session {
  readonly account: BareJid
  readonly resource: string
  readonly smId: string
  target: Target
  /** What its client has, in order. */
  readonly has: string[]
  /** What its client acknowledged of that. */
  acked: number
  /** What of that was stored by then, so that the acknowledgement took it out of the queue, or stands in the log. */
  settled: number
  isHibernating: boolean
}

type Lane = 'pod' | 'routing' | 'storage'

/** How a batch goes wrong; nothing: it goes well. */
export interface Fault {
  /** Outputs of each lane that are published before the crash; undefined: all. */
  readonly published?: number
  /** Accounts saved before the crash; undefined: all. */
  readonly saved?: number
  /** Everything was done but the commit. */
  readonly isUncommitted?: boolean
}

const maxBatch = 8

/**
 * One partition of routing's inbox with its real worker, between a model of the session stage before it, and of pods and clients
 * after it: pods drop what they know by its cause and write a session's next ordinal only. What must hold is asserted as it goes.
 */
export class World {
  readonly sessions: Session[] = []
  /** Bodies of what was sent. */
  readonly sent: string[] = []
  /** Body by id of what is kept offline. */
  readonly offline = new Map<string, string>()
  /** Bodies that some client acknowledged. */
  readonly acknowledged = new Set<string>()
  readonly bugs: readonly unknown[]
  /** Bodies acknowledged before they were stored, to a pod that then died: nobody is left to say so. */
  readonly unsure = new Set<string>()
  readonly #log: Envelope[] = []
  readonly #presence: Presence
  readonly #worker: Worker
  readonly #connections = new Map<string, Connection>()
  readonly #epochs = new Map<number, number>()
  readonly #tables = new Map<string, CauseTable>()
  readonly #numbered = new Map<string, string>()
  /** Ordinal of the last entry stored, by queue. */
  readonly #stored = new Map<string, number>()
  #next = 0
  #metadata = ''
  #made = 0
  #saveLimit: number | undefined
  #zombie: { readonly work: Work } | undefined

  constructor() {
    const memory = memoryPresence({ clock: () => 0 })
    const saveStates: Presence['saveStates'] = async (kind, saves) => {
      const saved = saves.slice(0, this.#saveLimit)
      const done = await memory.saveStates(kind, saved)
      for (const [index, { queues = [] }] of saved.entries()) {
        if (done[index] !== true) continue
        for (const { queue, append } of queues) this.#stored.set(queue, append.at(-1)?.ordinal ?? 0)
      }
      if (this.#saveLimit !== undefined) throw new Error('crash')
      return done
    }
    this.#presence = { ...memory, saveStates }
    const { io, bugs } = bedIo({ presence: this.#presence, maxUnackedStanzas: 6 })
    this.bugs = bugs
    this.#worker = createWorker(io)
  }

  /** Whether records wait to be handled. */
  get hasMore(): boolean {
    return this.#next < this.#log.length
  }

  bind(account: BareJid, slot: number): void {
    this.#made += 1
    const resource = `r${this.#made}`
    const target = this.#connect(slot)
    const session: Session = {
      account,
      resource,
      smId: `sm${this.#made}`,
      target,
      has: [],
      acked: 0,
      settled: 0,
      isHibernating: false,
    }
    this.sessions.push(session)
    this.#connections.set(keyOf(target), { session, isOpen: true, isCounting: false, written: 0 })
    this.#state(account, { change: 'bound', resource, target, reply: Buffer.from('<iq/>') })
    this.#state(account, { change: 'enabled', resource, target, smId: session.smId, maxSeconds: 300 })
    // Each of its own priority, so that one session alone gets a message and answers for it
    this.#state(account, { change: 'updated', resource, isAvailable: true, priority: this.#made, slices: {} })
  }

  send(account: BareJid, isFull: boolean): void {
    const body = `m${this.sent.length}`
    this.sent.push(body)
    const resource = isFull ? this.sessions.find((session) => session.account === account)?.resource : undefined
    const to = resource === undefined ? account : fullJid(account, resource)
    this.#log.push({ kind: 'deliver', key: account, atMs, stanza: message(body, to) })
  }

  /** The client acknowledges some of what it has. */
  async acknowledge(session: Session, most: number): Promise<void> {
    if (!this.#isOpen(session)) return
    session.acked = Math.min(session.has.length, session.acked + most)
    session.settled = Math.max(session.settled, Math.min(session.acked, this.#stored.get(session.smId) ?? 0))
    for (const body of session.has.slice(0, session.acked)) this.acknowledged.add(body)
    await this.#presence.trimQueues([{ account: session.account, queue: session.smId, ordinal: session.acked }])
  }

  disconnect(session: Session): void {
    const connection = this.#connections.get(keyOf(session.target))
    if (connection !== undefined) connection.isOpen = false
    if (session.isHibernating) return
    session.isHibernating = true
    const { account, resource, target, acked } = session
    const isDead = this.#epochOf(target.slot) !== target.epoch
    this.#state(account, { change: 'hibernated', resource, target, ...(isDead ? {} : { acked }) })
  }

  /** The client goes on elsewhere; it reads the old connection no more. */
  resume(session: Session, slot: number): void {
    const old = session.target
    const known = this.#connections.get(keyOf(old))
    if (known !== undefined) known.isOpen = false
    const target = this.#connect(slot)
    this.#connections.set(keyOf(target), { session, isOpen: true, isCounting: false, written: 0 })
    session.target = target
    session.isHibernating = false
    const { account, resource, smId } = session
    // XEP-0198 §5: h of <resume/> counts as an acknowledgement
    session.acked = session.has.length
    session.settled = session.acked
    for (const body of session.has) this.acknowledged.add(body)
    const counts = { h: session.has.length, count: 0, ordinal: 0, maxSeconds: 300 }
    this.#state(account, { change: 'resumed', resource, smId, target, old, ...counts })
  }

  /** The session's time is over. */
  end(session: Session): void {
    this.disconnect(session)
    this.sessions.splice(this.sessions.indexOf(session), 1)
    const { account, resource, target } = session
    this.#state(account, { change: 'ended', resource, target })
  }

  podDies(slot: number): void {
    const epoch = this.#epochOf(slot)
    for (const [key, connection] of this.#connections) {
      if (!key.startsWith(`${slot} ${epoch} `) || !connection.isOpen) continue
      connection.isOpen = false
      const { has, settled, acked } = connection.session
      for (const body of has.slice(settled, acked)) this.unsure.add(body)
    }
    this.#epochs.set(slot, epoch + 1)
    this.#log.push({ kind: 'podDied', key: '', atMs, slot, epoch })
  }

  /** Works some records. Returns whether that went well. */
  async work(records: number, fault: Fault = {}): Promise<boolean> {
    if (!this.hasMore) return true
    const cut = Math.min(this.#log.length, this.#next + 1 + (records % maxBatch))
    const table = causeTable(this.#metadata)
    const work = await this.#begin(cut, table)
    if (!this.#publish(work.outputs, fault.published)) return false
    this.#saveLimit = fault.saved
    try {
      await work.save?.()
    } catch {
      return false
    } finally {
      this.#saveLimit = undefined
    }
    if (fault.isUncommitted === true) return false
    this.#next = cut
    this.#metadata = table.encode()
    return true
  }

  /** An owner computes a batch and is stopped before it publishes. */
  async stop(records: number): Promise<void> {
    if (!this.hasMore) return
    const cut = Math.min(this.#log.length, this.#next + 1 + (records % maxBatch))
    this.#zombie = { work: await this.#begin(cut, causeTable(this.#metadata)) }
  }

  /** The stopped owner wakes up and goes on, while another works. */
  async wake(fault: Fault): Promise<void> {
    const zombie = this.#zombie
    this.#zombie = undefined
    if (zombie === undefined || !this.#publish(zombie.work.outputs, fault.published)) return
    this.#saveLimit = fault.saved
    await zombie.work.save?.().catch(() => {})
    this.#saveLimit = undefined
  }

  #begin(cut: number, table: CauseTable): Promise<Work> {
    const inputs: Input[] = []
    for (let offset = this.#next; offset < cut; offset++) {
      const envelope = this.#log[offset]
      if (envelope === undefined || (envelope.cause !== undefined && !table.accept(envelope.cause))) continue
      inputs.push({ place: { inbox: 'routing', partition: 0, offset, index: 0 }, envelope })
    }
    return this.#worker.work({ inbox: 'routing', partition: 0, inputs, lastOffset: cut - 1 })
  }

  /** Publishes as the runtime does: pods and routing, then storage; `most` of each lane, then it crashes. */
  #publish(outputs: readonly Output[], most?: number): boolean {
    const lanes = new Map<string, { lane: Lane; envelope: Envelope }[]>()
    const counts = new Map<Input, number>()
    for (const { cause: input, to, envelope, number } of outputs) {
      const count = number ?? counts.get(input) ?? 0
      counts.set(input, count + 1)
      const { offset, index } = input.place
      const cause = { inbox: inboxes.routing.number, partition: 0, offset, index: causeIndex(index, count) }
      const lane = to as Lane
      const name = lane === 'pod' ? `pod ${slotOf(envelope)}` : lane
      const some = lanes.get(name) ?? []
      some.push({ lane, envelope: { ...envelope, cause } })
      lanes.set(name, some)
    }
    for (const step of [['pod', 'routing'], ['storage']]) {
      for (const [name, some] of lanes) {
        if (!step.includes(some[0]?.lane ?? '')) continue
        for (const { lane, envelope } of some.slice(0, most)) this.#arrive(name, lane, envelope)
      }
      if (most !== undefined) return false
    }
    return true
  }

  #arrive(name: string, lane: Lane, envelope: Envelope): void {
    if (lane === 'routing') {
      this.#log.push(envelope) // its cause is looked at when it is read
      return
    }
    const table = this.#tables.get(name) ?? causeTable('')
    this.#tables.set(name, table)
    if (envelope.cause !== undefined && !table.accept(envelope.cause)) return
    if (lane === 'pod') this.#atPod(envelope)
    else if (envelope.kind === 'offline') this.offline.set(envelope.head.id, bodyOf(envelope.stanza.raw))
  }

  /** What a pod does with a record of its inbox. */
  #atPod(envelope: Envelope): void {
    if (envelope.kind === 'signal') {
      const connection = this.#connections.get(keyOf(envelope.target))
      if (connection === undefined) return
      const { head } = envelope
      assert.ok(head.signal === 'enabled' || head.signal === 'resumed', head.signal)
      connection.isCounting = true
      connection.written = head.signal === 'resumed' ? head.acked : 0
      if (connection.isOpen) assert.equal(connection.written, connection.session.has.length, 'the count at <resumed/>')
      return
    }
    if (envelope.kind !== 'output') return
    const { slot, epoch, raw } = envelope
    for (const recipient of envelope.recipients) {
      const connection = this.#connections.get(keyOf({ slot, epoch, connection: recipient.connection }))
      if (connection !== undefined) this.#write(connection, recipient.ordinal, bodyOf(raw))
    }
  }

  #write(connection: Connection, ordinal: number | undefined, body: string): void {
    const { session } = connection
    assert.ok(connection.isCounting && ordinal !== undefined, 'nothing countable comes another way')
    const name = `${session.smId} ${ordinal}`
    assert.equal(this.#numbered.get(name) ?? body, body, 'a number means one delivery for ever')
    this.#numbered.set(name, body)
    if (ordinal <= connection.written) return
    assert.equal(ordinal, connection.written + 1, 'no gap')
    connection.written = ordinal
    if (!connection.isOpen) return
    assert.ok(!session.has.includes(body), `${body} comes once`)
    session.has.push(body)
  }

  #isOpen(session: Session): boolean {
    return this.#connections.get(keyOf(session.target))?.isOpen === true
  }

  #connect(slot: number): Target {
    this.#made += 1
    return { slot, epoch: this.#epochOf(slot), connection: this.#made }
  }

  #epochOf(slot: number): number {
    return this.#epochs.get(slot) ?? 1
  }

  #state(key: BareJid, head: StateChange): void {
    this.#log.push({ kind: 'state', key, atMs, head })
  }
}

function keyOf({ slot, epoch, connection }: Target): string {
  return `${slot} ${epoch} ${connection}`
}

function slotOf(envelope: Envelope): number {
  if (envelope.kind === 'output') return envelope.slot
  return 'target' in envelope ? envelope.target.slot : -1
}
