import { setTimeout as sleep } from 'node:timers/promises'
import { ignoreFeatures, ignoreLateData, managesStream, type Reach, type Transport } from '@starling/testkit'
import { client, type XmppClient, type XmppElement, xml } from '@xmpp/client'
import { type Ledger, readText, textOf } from './ledger.ts'
import { Written } from './written.ts'

/** What kind of client a member is. */
export interface MemberKind {
  readonly name: string
  readonly transport: Transport
  /** Whether it manages its stream, and resumes (XEP-0198). */
  readonly isManaged: boolean
  /** Whether its connection breaks every few seconds by itself. */
  readonly isFlapping: boolean
}

/** What a member needs of the world. */
export interface MemberPorts {
  readonly reaches: readonly Reach[]
  readonly password: string
  readonly ledger: Ledger
  /** A number from 0 up to 1. */
  readonly random: () => number
}

const sm = 'urn:xmpp:sm:3'
const bind2 = 'urn:xmpp:bind:0'
const delay = 'urn:xmpp:delay'
/** Units: ms. */
const times = { againMs: 200, flapMs: 6_000, stepMs: 30_000, ackDebounceMs: 50 } as const

/** One account's one device, by @xmpp/client, which others wrote: it comes back whenever its connection breaks. */
export class Member {
  readonly kind: MemberKind
  readonly xmpp: XmppClient
  /** How often it went on with its session, and how often it had to begin a new one. */
  readonly counts = { resumed: 0, began: 0 }
  isOnline = false
  /** Which of the addresses it connected to last. */
  at = 0
  readonly #ports: MemberPorts
  #sent = 0
  #turn: number
  #isClosed = false
  #isComing = false
  #flap: NodeJS.Timeout | undefined

  constructor(kind: MemberKind, turn: number, ports: MemberPorts) {
    this.kind = kind
    this.#ports = ports
    this.#turn = turn
    const { password } = ports
    const { service, domain } = this.#address()
    this.xmpp = client({ service, domain, username: kind.name, password })
    this.xmpp.reconnect.stop()
    ignoreLateData(this.xmpp)
    this.xmpp.timeout = times.stepMs
    if (kind.isManaged) this.xmpp.streamManagement.requestAckDebounce = times.ackDebounceMs
    else ignoreFeatures(this.xmpp, [sm])
    if (kind.isManaged) this.#watchWrites()
    this.#listen()
  }

  /** Messages that its client still waits to have acknowledged. */
  get pending(): number {
    return this.kind.isManaged ? this.xmpp.streamManagement.outbound_q.length : 0
  }

  /** Signs in and stays. */
  async start(): Promise<void> {
    await this.#come()
    if (this.kind.isFlapping) this.#flapLater()
  }

  /** Says the next number to another, if its stream is open. */
  say(to: string, domain: string): void {
    if (!this.isOnline || (this.kind.isManaged && !this.xmpp.streamManagement.enabled)) return
    const n = ++this.#sent
    this.#ports.ledger.sent(this.kind.name, to, n)
    const body = xml('body', {}, textOf({ from: this.kind.name, n }))
    this.xmpp
      .send(xml('message', { type: 'chat', to: `${to}@${domain}`, id: `${this.kind.name}-${n}` }, body))
      .catch(ignore)
  }

  /** Breaks its connection without a word. */
  cut(): void {
    const { socket } = this.xmpp
    if (socket?.destroy !== undefined) socket.destroy()
    else socket?.end?.()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#flap)
    await this.xmpp.disconnect().catch(ignore)
  }

  #listen(): void {
    const { ledger } = this.#ports
    const { name } = this.kind
    this.xmpp.on('error', ignore)
    this.xmpp.on('stanza', (stanza: XmppElement) => {
      if (!stanza.is('message')) return
      const body = stanza.getChildText('body') ?? ''
      if (readText(body) === undefined) return
      if (stanza.attrs['type'] === 'error') ledger.bounced(body)
      else ledger.received(name, body, stanza.getChild('delay', delay) !== undefined)
    })
    this.xmpp.on('online', () => {
      this.counts.began++
      ledger.began(name)
      const begun = this.kind.isManaged ? managesStream(this.xmpp) : Promise.resolve()
      void begun.then(() => {
        if (this.xmpp.status !== 'online') return
        this.isOnline = true
        this.xmpp.send(xml('presence')).catch(ignore)
      })
    })
    this.xmpp.on('disconnect', () => {
      this.isOnline = false
      if (!this.#isClosed) void this.#come()
    })
    const management = this.xmpp.streamManagement
    management.on('resumed', () => {
      this.counts.resumed++
      this.isOnline = true
    })
    management.on('fail', (stanza) => ledger.settled(stanza.getChildText('body') ?? '', 'unknown'))
  }

  /** Keeps book of what goes out and what the server says of it, beside the client's own. */
  #watchWrites(): void {
    const { ledger } = this.#ports
    const written = new Written()
    const write = this.xmpp.write.bind(this.xmpp)
    this.xmpp.write = async (text) => {
      for (const again of written.wrote(text)) ledger.repeated(again)
      // A stanza whose write fails is kept like any other, to be sent again: the client would throw where nobody listens
      if (/<(message|presence|iq)\b/.test(text)) await write(text).catch(ignore)
      else await write(text)
    }
    const take = this.xmpp._onElement.bind(this.xmpp)
    // Before the client itself hears of it: what it sends again then comes after
    this.xmpp._onElement = (nonza) => {
      // SASL2 has them inside its <success/> (XEP-0388, XEP-0386)
      const success = nonza.is('success', 'urn:xmpp:sasl:2') ? nonza : undefined
      const resumed = nonza.is('resumed', sm) ? nonza : success?.getChild('resumed', sm)
      const enabled = nonza.is('enabled', sm) ? nonza : success?.getChild('bound', bind2)?.getChild('enabled', sm)
      if (enabled !== undefined) written.began()
      const acked =
        resumed !== undefined
          ? written.resumed(Number(resumed.attrs['h']))
          : nonza.is('a', sm)
            ? written.handled(Number(nonza.attrs['h']))
            : []
      for (const text of acked) ledger.settled(text, 'acked')
      take(nonza)
    }
  }

  /** Tries one address after another until one takes it. */
  async #come(): Promise<void> {
    if (this.#isComing) return
    this.#isComing = true
    while (!this.#isClosed && !this.isOnline) {
      await sleep(times.againMs * (0.5 + this.#ports.random()))
      const { service, domain } = this.#address()
      this.#turn++
      this.xmpp.options.service = service
      try {
        // `open` does not notice that the socket has ended before the server's header came: whichever tells first
        await Promise.all([this.#open(service, domain), this.#signedIn()])
      } catch {
        this.cut() // who does not answer now does not say goodbye either
        await this.xmpp.disconnect().catch(ignore)
      }
    }
    this.#isComing = false
  }

  async #open(service: string, domain: string): Promise<void> {
    await this.xmpp.connect(service)
    await this.xmpp.open({ domain })
  }

  /** Resolves when its session is there; rejects when the stream ends first. */
  async #signedIn(): Promise<void> {
    const end = performance.now() + times.stepMs
    while (!this.isOnline) {
      if (this.xmpp.status === 'disconnect' || this.xmpp.status === 'offline') throw new Error('the stream ended')
      if (performance.now() > end) throw new Error('signing in takes too long')
      await sleep(10)
    }
  }

  #address(): { readonly service: string; readonly domain: string } {
    const { reaches } = this.#ports
    this.at = this.#turn % reaches.length
    const reach = reaches[this.at]
    if (reach === undefined) throw new Error('nowhere to connect to')
    const isWebSocket = this.kind.transport === 'websocket'
    const service = isWebSocket ? `ws://127.0.0.1:${reach.http}/xmpp-websocket` : `xmpp://127.0.0.1:${reach.c2s}`
    return { service, domain: reach.domain }
  }

  #flapLater(): void {
    this.#flap = setTimeout(
      () => {
        if (this.isOnline) this.cut()
        if (!this.#isClosed) this.#flapLater()
      },
      times.flapMs * (0.5 + this.#ports.random()),
    )
  }
}

function ignore(): void {}
