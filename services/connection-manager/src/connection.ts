import { LogError } from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { Stanza, StreamError } from '@starling/stanza'
import type { Answered, EnableHead, FromClient, Output, SignalHead, Target } from '@starling/wire'
import type { NameTable } from '@starling/xml'
import { performEffect } from './effects.ts'
import { Intake } from './intake.ts'
import { isPingAnswer } from './keepalive.ts'
import type { Keepsake } from './keepsake.ts'
import { limits, orNone } from './limits.ts'
import type { Link, LinkOwner } from './link.ts'
import type { Pausable } from './pauses.ts'
import { countTransport, type Pod, releaseAddress } from './pod.ts'
import { countUnrestored } from './reassert.ts'
import { ConnectionScene } from './scene.ts'
import { ackText, beginSm, isNextDelivery, lastWords, request, resumeSm, watchUnacked } from './sm-shell.ts'
import type { SmSide } from './sm-side.ts'
import { isWaiting, stepStream } from './stream.ts'
import {
  type EndReason,
  initialStreamState,
  type StreamEffect,
  type StreamEvent,
  type StreamState,
  type Transport,
} from './stream-state.ts'
import { closeText, errorText, stanzaAlone } from './stream-text.ts'
import { TokenBucket } from './token-bucket.ts'

/** Why a socket is not read: an answer of ours is due, stanzas are in flight, a rate is exceeded, the log is away. */
const causes = { answer: 1, inFlight: 2, rate: 4, log: 8 } as const
type Hindrance = keyof typeof causes

/** Where a connection comes from. */
export interface Origin {
  readonly transport: Transport
  readonly remoteAddress: string
  readonly addressKey: string
}

/** One client's socket and stream: the shell around the pure machine. */
export class Connection implements LinkOwner, Pausable {
  readonly pod: Pod
  readonly id: number
  readonly origin: Origin
  state: StreamState
  /** Units: ms on the monotonic clock; Infinity when there is no deadline. */
  deadlineMs: number
  lastReadMs: number
  /** Since when an element is incomplete; 0 when none is. */
  partialSinceMs = 0
  pingSentMs = 0
  pingId: string | undefined
  isEnded = false
  /** Counts of stream management; undefined without. */
  sm: SmSide | undefined
  account: BareJid | undefined
  /** What names it to others once it signed in (R7). */
  target: Target | undefined
  /** Since it asked for a session. */
  keepsake: Keepsake | undefined
  #link: Link | undefined
  #scene: ConnectionScene | undefined
  #ordinal = 0
  #inFlight = 0
  #pauses = 0
  #isPumping = false
  readonly intake: Intake
  readonly #bytes: TokenBucket
  readonly #stanzas: TokenBucket
  readonly #acked = (): void => this.#settle()
  readonly #refused = (error: unknown): void => this.produceFailed(error)

  constructor(pod: Pod, origin: Origin, names: NameTable) {
    const { settings, monotonic } = pod.io
    const nowMs = monotonic()
    this.pod = pod
    this.id = pod.nextId()
    this.origin = origin
    this.state = initialStreamState(origin.transport === 'tls')
    this.intake = new Intake(origin.transport, settings.c2s.maxStanzaBytes, names)
    this.deadlineMs = nowMs + orNone(settings.c2s.unauthenticatedTimeoutMs)
    this.lastReadMs = nowMs
    this.#bytes = new TokenBucket(settings.c2s.bytesPerSecond, nowMs)
    this.#stanzas = new TokenBucket(settings.c2s.stanzasPerSecond, nowMs)
  }

  /** Takes its link; from here on it lives. */
  attach(link: Link): void {
    this.#link = link
    this.#scene = new ConnectionScene(this.pod, link, this.origin.transport)
    if (link.isSecure) this.state = initialStreamState(true)
    this.pod.connections.set(this.id, this)
    this.pod.meters.opened.add(1, { transport: this.origin.transport })
    countTransport(this.pod, this.origin.transport, 1)
  }

  get link(): Link | undefined {
    return this.#link
  }

  get isPaused(): boolean {
    return this.#pauses !== 0
  }

  /** Number of the client's last stanza. */
  get ordinal(): number {
    return this.#ordinal
  }

  get isBound(): boolean {
    return this.state.phase.kind === 'bound'
  }

  // ---- from the link ------------------------------------------------------------------------------------------------

  receive(chunk: Uint8Array): void {
    const nowMs = this.pod.io.monotonic()
    this.lastReadMs = nowMs
    this.pingSentMs = 0
    if (this.isEnded || chunk.length === 0) return
    this.pod.meters.bytesIn.add(chunk.length)
    this.intake.push(chunk)
    if (!this.#bytes.charge(chunk.length, nowMs)) this.#pause('rate')
    this.#pump()
    if (this.isPaused && this.intake.heldBytes > limits.heldBytes) {
      this.fail({ condition: 'policy-violation', text: 'too much sent ahead' }, 'stream-error')
    }
  }

  secured(): void {
    if (this.origin.transport === 'tcp') this.dispatch({ kind: 'secured' })
  }

  broken(text: string): void {
    this.fail({ condition: 'bad-format', text }, 'stream-error')
  }

  gone(): void {
    this.finish('lost', [])
    if (!this.pod.connections.delete(this.id)) return
    releaseAddress(this.pod, this.origin.addressKey)
    countTransport(this.pod, this.origin.transport, -1)
  }

  // ---- from the pod -------------------------------------------------------------------------------------------------

  /** Canonical bytes of an output from the pod's inbox, and their number where they are counted. */
  deliver(raw: Uint8Array, ordinal: number | undefined, { cause, atMs }: Pick<Output, 'cause' | 'atMs'>): void {
    const counted = this.sm?.isOn === true ? this.sm : undefined
    if (counted === undefined ? this.isBound : isNextDelivery(this, counted, { ordinal, cause })) {
      this.sendStanza(raw)
      this.pod.times.add(atMs)
      if (counted !== undefined && !this.isEnded) watchUnacked(this, counted)
    } else if (counted === undefined) this.dispatch({ kind: 'output', raw })
  }

  /** Its turn to ask for an acknowledgement. */
  requestAck(): void {
    const { sm } = this
    if (sm === undefined) return
    sm.isDue = false
    if (!this.isEnded && sm.unacked > 0 && sm.requestedMs === 0) request(this, sm)
  }

  /** Ends the stream with an error. */
  fail(error: StreamError, reason: EndReason): void {
    this.dispatch({ kind: 'end', error, reason })
  }

  dispatch(event: StreamEvent): void {
    if (this.isEnded) return
    this.#handle(event)
    this.#pump()
  }

  tryResume(nowMs: number): boolean {
    if (this.isEnded) return true
    if (this.#isPausedFor('rate') && this.#bytes.isPaid(nowMs) && this.#stanzas.isPaid(nowMs)) this.#unpause('rate')
    if (this.#isPausedFor('log') && this.#canProduce()) this.#unpause('log')
    return !this.#isPausedFor('rate') && !this.#isPausedFor('log')
  }

  // ---- for effects --------------------------------------------------------------------------------------------------

  /** Writes text that stands alone. */
  write(text: string): void {
    this.#send(Buffer.from(text, 'utf8'))
  }

  /** Writes a canonical stanza. */
  sendStanza(raw: Uint8Array): void {
    this.pod.meters.stanzasOut.add()
    this.#send(stanzaAlone(this.origin.transport, raw))
  }

  /** From here on its session is told of its end; returns what names it (R7). */
  own(account: BareJid): Target {
    const { io } = this.pod
    const target = io.inbox.target(this.id)
    this.target = target
    this.account = account
    this.deadlineMs = io.monotonic() + limits.bindTimeoutMs
    return target
  }

  /** Gives a stanza to the session stage, counted (R5). */
  forward(stanza: Stanza): void {
    this.pod.meters.stanzasIn.add()
    if (this.account !== undefined) this.keepsake?.note(stanza, this.account, this.pod.io.registry)
    this.#count('client', stanza)
  }

  /** Tells the session stage of a stanza that was dealt with here, counted as all are, and what there is to answer. */
  answer(reply: Stanza | undefined): void {
    this.#count('answered', reply)
  }

  /** Asks for stream management. Order: stanzas before it are not counted, those behind it are. */
  enable(head: EnableHead): void {
    if (this.account === undefined || this.target === undefined) return
    const { io } = this.pod
    this.sm = beginSm(this)
    this.sm.maxSeconds = head.maxSeconds
    const enable = { kind: 'enable', key: this.account, target: this.target, head, atMs: io.clock() } as const
    io.publish('session', enable).catch(this.#refused)
  }

  /** Stream management is on; with Bind 2 it was never asked for apart. */
  enabled(smId: string, maxSeconds: number): void {
    this.sm ??= beginSm(this)
    this.sm.id = smId
    this.sm.maxSeconds = maxSeconds
    this.#giveOwed(this.sm)
  }

  /** The former session's counts are this connection's. */
  resumed(head: Extract<SignalHead, { readonly signal: 'resumed' }>): void {
    this.#ordinal = head.ordinal
    this.sm = resumeSm(this, head)
    if (head.remembered !== undefined) this.keepsake?.takeOver(head.remembered)
  }

  /** Acknowledges as soon as all that was read is durable (R1). */
  acknowledge(): void {
    const { sm } = this
    if (sm?.ask(this.#ordinal) === true) this.#acknowledge(sm)
  }

  /** R1: after a produce that failed, nothing more of this connection is produced but its end. */
  produceFailed(error: unknown): void {
    if (this.isEnded) return
    const isFull = error instanceof LogError && error.code === 'LOG_FULL'
    this.pod.io.logger.warn({ what: 'produce-failed', error })
    this.fail({ condition: isFull ? 'resource-constraint' : 'internal-server-error' }, 'log')
  }

  /** Ends, once, whatever the way: the last words are written, the session stage is told. */
  finish(reason: EndReason, last: readonly Uint8Array[], condition?: string): void {
    if (this.isEnded) return
    countUnrestored(this)
    this.isEnded = true
    const { meters, drops, pauses, requests, io } = this.pod
    meters.ended.add(1, { reason })
    if (condition !== undefined) meters.streamErrors.add(1, { condition })
    if (reason !== 'lost') io.logger.debug({ what: 'connection-ended', connection: this.id, reason, condition })
    pauses.remove(this)
    requests.remove(this)
    this.deadlineMs = io.monotonic() + limits.closeTimeoutMs
    drops.publish(this.account, this.target, reason, this.sm?.acked)
    this.#link?.end(last, reason === 'output-limit')
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    while (this.#pauses === 0 && !this.isEnded) {
      if (this.isBound && !this.#canProduce()) {
        this.#pause('log')
        break
      }
      const event = this.intake.next()
      if (event === undefined) break
      this.partialSinceMs = 0
      if (!isPingAnswer(this, event)) this.#handle(event)
    }
    this.#isPumping = false
  }

  #handle(event: StreamEvent): void {
    try {
      if (this.#scene === undefined) return
      const { state, effects } = stepStream(this.state, event, this.#scene)
      this.state = state
      this.#perform(effects)
    } catch (error) {
      this.#bug(error)
    }
    if (this.isEnded) return
    if (isWaiting(this.state)) this.#pause('answer')
    else if (this.#isPausedFor('answer')) this.#unpause('answer')
  }

  #perform(effects: readonly StreamEffect[]): void {
    const end = effects.find((effect) => effect.do === 'end')
    if (end !== undefined) {
      for (const effect of effects) if (effect.do === 'countFailure') performEffect(this, effect)
      const texts = effects.flatMap((effect) => (effect.do === 'write' ? [effect.text] : []))
      const last = [...lastWords(this), ...texts].map((text) => Buffer.from(text, 'utf8'))
      this.finish(end.reason, last, end.condition)
      return
    }
    for (const effect of effects) if (!this.isEnded) performEffect(this, effect)
  }

  /** A bug is caught here, at the edge, counted and answered (R10). */
  #bug(error: unknown): void {
    this.pod.meters.bugs.add()
    this.pod.io.logger.error({ what: 'connection-bug', error })
    const { transport } = this.origin
    const last = errorText(transport, { condition: 'internal-server-error' })
    this.finish('bug', [Buffer.from(last), Buffer.from(closeText(transport))], 'internal-server-error')
  }

  #send(bytes: Uint8Array): void {
    if (this.isEnded || this.#link === undefined) return
    this.pod.meters.bytesOut.add(bytes.length)
    if (this.#link.send(bytes)) return
    // R8: a client that does not read costs no more than maxOutputBytes
    this.pod.meters.refused.add(1, { limit: 'maxOutputBytes' })
    this.fail({ condition: 'policy-violation', text: 'too much unread output' }, 'output-limit')
  }

  /** Order: the ordinals are those of the log, without a gap. */
  #count(kind: 'client' | 'answered', stanza: Stanza | undefined): void {
    const { io } = this.pod
    const { sm } = this
    if (this.account === undefined || this.target === undefined) return
    this.#inFlight++
    if (this.#inFlight >= orNone(io.settings.c2s.maxInFlightStanzas)) this.#pause('inFlight')
    if (!this.#stanzas.charge(1, this.lastReadMs)) this.#pause('rate')
    const ordinal = ++this.#ordinal
    const head = { key: this.account, target: this.target, ordinal, atMs: io.clock() }
    const envelope: FromClient | Answered =
      stanza === undefined ? { kind: 'answered', ...head } : { kind, ...head, stanza }
    const settled = sm === undefined ? this.#acked : () => this.#handled(sm, ordinal)
    const traced = io.tracing === undefined ? envelope : io.tracing.received(envelope, this.lastReadMs)
    io.publish('session', traced).then(settled, this.#refused)
  }

  /** The log holds a stanza of a client that counts. */
  #handled(sm: SmSide, ordinal: number): void {
    sm.settle(ordinal)
    this.#giveOwed(sm)
    this.#settle()
  }

  #giveOwed(sm: SmSide): void {
    if (!this.isEnded && sm.takeOwed()) this.#acknowledge(sm)
  }

  /** R1: the lease is looked at after the produce was acknowledged; without it the connection is cut off. */
  #acknowledge(sm: SmSide): void {
    if (this.pod.checkLease()) this.write(ackText(sm))
  }

  #settle(): void {
    this.#inFlight--
    if (this.#isPausedFor('inFlight') && this.#inFlight <= this.pod.io.settings.c2s.maxInFlightStanzas / 2) {
      this.#unpause('inFlight')
    }
  }

  #canProduce(): boolean {
    return this.pod.io.isReady() && this.pod.io.pendingBytes() < limits.pendingBytes
  }

  #isPausedFor(cause: Hindrance): boolean {
    return (this.#pauses & causes[cause]) !== 0
  }

  #pause(cause: Hindrance): void {
    if (this.#isPausedFor(cause)) return
    if (this.#pauses === 0) this.#link?.pause()
    this.#pauses |= causes[cause]
    if (cause !== 'answer') this.pod.meters.pauses.add(1, { cause })
    if (cause === 'rate' || cause === 'log') this.pod.pauses.add(this)
  }

  #unpause(cause: Hindrance): void {
    this.#pauses &= ~causes[cause]
    if (this.#pauses !== 0) return
    this.#pump()
    if (this.#pauses === 0 && !this.isEnded) this.#link?.resume()
  }
}
