import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { clientNamespace, escapeXml, framingNamespace, withNamespace } from '@starling/xml'
import { limits } from '../limits.ts'
import { type FlushList, type Link, type LinkOwner, noChannel } from '../link.ts'
import { OutputQueue } from '../output-queue.ts'
import type { Body } from './body.ts'
import { endBytes } from './body-text.ts'
import { respond } from './exchange.ts'
import { openWindow, stepWindow, type Terms, type Window, type WindowEffect, type WindowInput } from './window.ts'

/** What one BOSH session is made with. */
export interface BoshLinkOptions {
  readonly sid: string
  readonly terms: Terms
  /** Attributes of the first answer. Source: XEP-0124 §7.2. */
  readonly greeting: Readonly<Record<string, string | number | undefined>>
  readonly content: string | undefined
  readonly isSecure: boolean
  readonly maxOutputBytes: number
  readonly flushes: FlushList
  readonly monotonic: () => number
  /** The session is no more. */
  readonly onGone: () => void
}

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex') // XEP-0124 §15
const close = Buffer.from(`<close xmlns='${framingNamespace}'/>`)

/**
 * One BOSH session as a link: `<body/>` elements towards the client, single documents as over WebSocket towards the connection.
 * Source: XEP-0124, XEP-0206.
 */
export class BoshLink implements Link {
  readonly #options: BoshLinkOptions
  readonly #owner: LinkOwner
  readonly #output: OutputQueue
  readonly #responses = new Map<number, ServerResponse>()
  #window: Window
  #lastExchange = 0
  #greeting: BoshLinkOptions['greeting'] | undefined
  #streamId: string | undefined
  #isEnding = false
  #isError = false
  #isGone = false
  #isQueued = false
  readonly isSecure: boolean
  readonly channelBindings = noChannel.bindings
  readonly channelBinding = noChannel.binding

  constructor(options: BoshLinkOptions, owner: LinkOwner, firstRid: number) {
    this.#options = options
    this.#owner = owner
    this.#output = new OutputQueue(options.maxOutputBytes)
    this.#window = openWindow(options.terms, firstRid, options.monotonic())
    this.#greeting = options.greeting
    this.isSecure = options.isSecure
  }

  get queuedBytes(): number {
    return this.#output.bytes
  }

  // ---- from the client ----------------------------------------------------------------------------------------------

  /** Takes a request of this session; it is answered through the response, now or later. */
  request(body: Body, response: ServerResponse): undefined {
    if (this.#isGone) return respond(response, endBytes('item-not-found'), this.#options.content)
    const exchange = ++this.#lastExchange
    this.#responses.set(exchange, response)
    response.once('close', () => {
      if (this.#responses.delete(exchange)) this.#step({ kind: 'lost', exchange })
    })
    if (!this.#isEnding) this.#owner.receive(new Uint8Array()) // it lives
    this.#step({ kind: 'request', exchange, body })
    this.#answer()
  }

  /** Looks at the time: what is due is answered, who is away is lost. */
  look(): void {
    if (!this.#isGone) this.#step({ kind: 'settle' })
  }

  // ---- from the connection ------------------------------------------------------------------------------------------

  send(bytes: Uint8Array): boolean {
    if (this.#isEnding || this.#isGone || this.#isHeader(bytes)) return true
    if (!this.#output.add(bytes)) return false
    if (!this.#isQueued) {
      this.#isQueued = true
      this.#options.flushes.add(this)
    }
    return true
  }

  flush(): void {
    this.#isQueued = false
    this.#answer()
  }

  pause(): void {
    this.#step({ kind: 'pause' })
  }

  resume(): void {
    this.#step({ kind: 'resume' })
    this.#answer()
  }

  end(last: readonly Uint8Array[], isForced: boolean): void {
    if (this.#isEnding || this.#isGone) return
    if (isForced) this.#output.truncate()
    for (const bytes of last) {
      if (this.#isHeader(bytes) || bytes.length === close.length) continue // XEP-0206 §4: the body says that it ends
      this.#isError ||= Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString().startsWith('<stream:error')
      this.#output.addLast(bytes)
    }
    this.#isEnding = true
    this.#window = { ...this.#window, isPaused: false }
    this.#answer()
  }

  destroy(): void {
    for (const response of this.#responses.values()) response.destroy()
    this.#leave()
  }

  /** XEP-0206 §3: TLS is HTTP's. */
  startTls(): void {
    this.destroy()
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  /** Our `<open/>` is no element of BOSH: what it says is in the body's attributes. Source: XEP-0206 §3. */
  #isHeader(bytes: Uint8Array): boolean {
    if (bytes[1] !== 0x6f || bytes[2] !== 0x70) return false // <op
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
    if (!text.startsWith(`<open xmlns='${framingNamespace}'`)) return false
    this.#streamId = / id='([^']*)'/.exec(text)?.[1]
    return true
  }

  /** Gives what is queued to the oldest request, and answers the ones that need not wait. */
  #answer(): undefined {
    if (this.#isGone) return
    const output = this.#output
    while (this.#window.held.length > 0 && (!output.isEmpty || this.#isEnding)) {
      this.#options.flushes.check() // R7: nothing goes out without the lease
      if (this.#isGone) return
      const payloads = this.#isAlone() || output.isEmpty ? [] : output.takeChunks(limits.boshAnswerBytes)
      output.settle()
      const isLast = this.#isEnding && (output.isEmpty || this.#isAlone()) && (payloads.length === 0 || this.#isError)
      const attributes = { ...this.#greetings(), ...(isLast ? this.#ending() : {}) }
      this.#step({ kind: 'output', payloads, attributes })
      if (isLast) return this.#finish()
    }
    this.#step({ kind: 'settle' })
  }

  /** The last request there is, of a client that wants to go: clients read no elements where the body says that it ends. */
  #isAlone(): boolean {
    return this.#isEnding && !this.#isError && this.#window.held.length === 1
  }

  #greetings(): BoshLinkOptions['greeting'] {
    const greeting = this.#greeting
    this.#greeting = undefined
    return greeting === undefined ? {} : { ...greeting, authid: this.#streamId }
  }

  #ending(): Readonly<Record<string, string | undefined>> {
    return { type: 'terminate', condition: this.#isError ? 'remote-stream-error' : undefined } // XEP-0206 §5
  }

  /** XEP-0124 §13: the oldest request was told, the others get an empty body. */
  #finish(): undefined {
    const window = this.#window
    this.#window = { ...window, terms: { ...window.terms, hold: 0, waitMs: 0 } }
    this.#step({ kind: 'settle' })
    this.#leave()
  }

  #leave(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#responses.clear()
    this.#options.onGone()
    this.#owner.gone()
  }

  #step(input: WindowInput): void {
    if (this.#isGone) return
    const { state, effects } = stepWindow(this.#window, input, { nowMs: this.#options.monotonic(), sha1 })
    this.#window = state
    for (const effect of effects) if (!this.#isGone) this.#perform(effect)
  }

  #perform(effect: WindowEffect): void {
    switch (effect.do) {
      case 'answer':
        this.#respond(effect.exchange, effect.bytes)
        break
      case 'forward':
        this.#forward(effect.body)
        break
      case 'end':
        this.#respond(effect.exchange, endBytes(effect.condition))
        this.#finish()
        break
      case 'lose':
        this.#leave()
        break
      default:
        effect satisfies never
    }
  }

  #respond(exchange: number, bytes: Uint8Array): void {
    const response = this.#responses.get(exchange)
    this.#responses.delete(exchange)
    if (response !== undefined) respond(response, bytes, this.#options.content)
  }

  /** Order: a new stream, the elements, the end. */
  #forward(body: Body): void {
    if (this.#isEnding) return
    if (body.sid === undefined || body.isRestart) {
      const lang = body.lang === undefined ? '' : ` xml:lang='${escapeXml(body.lang)}'`
      const to = body.to === '' ? '' : ` to='${escapeXml(body.to)}'`
      this.#owner.receive(Buffer.from(`<open xmlns='${framingNamespace}'${to}${lang} version='1.0'/>`))
    }
    // XEP-0206 §4: with a restart elements are left out
    if (!body.isRestart)
      for (const payload of body.payloads) this.#owner.receive(withNamespace(payload, clientNamespace))
    if (body.isEnd) this.#owner.receive(close)
  }
}
