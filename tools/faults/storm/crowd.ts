import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type ClientWorld } from '../../../loadtest/src/client/client.ts'
import type { Endpoint } from '../../../loadtest/src/client/link.ts'
import { NumberedText } from '../../../loadtest/src/client/numbered-text.ts'
import type { Unacked } from '../../../loadtest/src/client/outbox.ts'
import type { Found } from '../../../loadtest/src/client/scanner.ts'
import { type Account, Ledger, textOf } from '../ledger.ts'

/** What a crowd is told. */
export interface CrowdPlan {
  readonly names: readonly string[]
  readonly password: string
  readonly domain: string
  /** Where all of them are first, and where they go when that is gone. */
  readonly first: Endpoint
  readonly second: Endpoint
  /** Units: 1/s. */
  readonly signInsPerSecond: number
  readonly messagesPerSecond: number
}

/** How a crowd fares. */
export interface CrowdState {
  readonly up: number
  readonly resumed: number
  /** Sessions that were not resumed. */
  readonly refused: number
  /** Sign-ins that came to nothing and were tried again, by reason. */
  readonly failures: Readonly<Record<string, number>>
  /** Resumptions of the fastest second. */
  readonly fastest: number
}

/** Units: ms. */
const times = { againMs: 1_000, requestMs: 500, lookMs: 50, settleMs: 60_000, comeMs: 240_000 } as const

/** Very many clients with stream management, each an account, which talk to each other and resume wherever that goes. */
export class Crowd {
  readonly #plan: CrowdPlan
  readonly #endpoints: Endpoint[]
  readonly #clients: readonly Client[]
  readonly #ledger: Ledger
  readonly #names: ReadonlyMap<Client, string>
  readonly #texts: string[] = []
  readonly #resumedAt: number[] = []
  readonly #failures = new Map<string, number>()
  readonly #timers: NodeJS.Timeout[] = []
  readonly #random: () => number
  #refused = 0
  #next = 0
  #isClosed = false

  constructor(plan: CrowdPlan, random: () => number) {
    this.#plan = plan
    this.#random = random
    this.#endpoints = [plan.first]
    this.#ledger = new Ledger(new Set(plan.names))
    const world = this.#world()
    this.#clients = plan.names.map((name, index) => new Client({ index, name, password: plan.password }, world))
    this.#names = new Map(this.#clients.map((client, at) => [client, plan.names[at] ?? '']))
  }

  get state(): CrowdState {
    const up = this.#clients.filter(({ state }) => state === 'up').length
    const seconds = new Map<number, number>()
    for (const at of this.#resumedAt)
      seconds.set(Math.floor(at / 1_000), (seconds.get(Math.floor(at / 1_000)) ?? 0) + 1)
    const fastest = Math.max(0, ...seconds.values())
    const failures = Object.fromEntries(this.#failures)
    return { up, resumed: this.#resumedAt.length, refused: this.#refused, failures, fastest }
  }

  /** Signs all of them in, at the plan's pace, and lets them talk. Units: ms that it took, or until it was given up. */
  async come(): Promise<number> {
    const start = performance.now()
    for (const [at, client] of this.#clients.entries()) {
      client.connect(performance.now())
      await sleep(Math.max(1, start + (at * 1_000) / this.#plan.signInsPerSecond - performance.now()))
    }
    while (this.state.up < this.#clients.length && performance.now() - start < times.comeMs) await sleep(times.lookMs)
    this.#timers.push(
      setInterval(() => this.#talk(), 1_000 / this.#plan.messagesPerSecond),
      setInterval(() => {
        for (const client of this.#clients) client.requestAck()
      }, times.requestMs),
    )
    return performance.now() - start
  }

  /** Falls silent, waits until all that was acknowledged has arrived, and reconciles everything. */
  async settle(): Promise<Account> {
    clearInterval(this.#timers.shift())
    const end = performance.now() + times.settleMs
    const isSettled = (): boolean =>
      this.#ledger.outstanding === 0 && this.#clients.every(({ state, unacked }) => state === 'up' && unacked === 0)
    while (!isSettled() && performance.now() < end) await sleep(times.lookMs * 5)
    this.#ledger.giveUp()
    return this.#ledger.account()
  }

  /** Signs out. */
  async leave(): Promise<void> {
    this.#isClosed = true
    for (const timer of this.#timers) clearInterval(timer)
    for (const client of this.#clients) {
      client.leave()
      await sleep(1_000 / this.#plan.signInsPerSecond / 4)
    }
  }

  #talk(): void {
    const { names, domain } = this.#plan
    const sender = this.#clients[this.#next++ % this.#clients.length]
    const to = names[Math.floor(this.#random() * names.length)] ?? ''
    const from = sender === undefined ? '' : (this.#names.get(sender) ?? '')
    if (sender?.state !== 'up' || from === to) return
    const number = this.#texts.length
    const text = textOf({ from, n: number })
    this.#texts.push(text)
    this.#ledger.sent(from, to, number)
    sender.send(`<message type='chat' id='${number}' to='${to}@${domain}'><body>${text}</body></message>`, number)
  }

  #world(): ClientWorld {
    const connection = {
      transport: 'starttls',
      mechanism: 'auto',
      signIn: 'sasl',
      streamManagement: true,
      carbons: false,
      clientState: false,
      sourceAddresses: [],
    } as const
    const again = (client: Client, afterMs: number): void => {
      if (this.#isClosed) return
      setTimeout(() => client.connect(performance.now()), afterMs * (0.5 + this.#random()))
    }
    return {
      connection,
      domain: this.#plan.domain,
      endpoints: this.#endpoints,
      numbers: new NumberedText('none', 0),
      shared: Buffer.alloc(65_536),
      nonce: () => randomBytes(12).toString('base64'),
      now: () => performance.now(),
      events: {
        onUp: (_, how) => {
          if (how === 'resumed') this.#resumedAt.push(performance.now())
        },
        onFailure: (client, reason) => {
          this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1)
          again(client, times.againMs)
        },
        onDown: (client) => {
          // Nobody waits to be told: they go where the others are
          this.#endpoints[0] = this.#plan.second
          again(client, times.againMs / 2)
        },
        onAcked: (_, stanzas) => this.#settled(stanzas, 'acked'),
        onToken: () => {},
        onNotResumed: () => this.#refused++,
        onUncertain: (_, stanzas) => this.#settled(stanzas, 'unknown'),
        onStanza: (client, found) => this.#heard(client, found),
      },
    }
  }

  #settled(stanzas: readonly Unacked[], fate: 'acked' | 'unknown'): void {
    for (const { number } of stanzas) if (number >= 0) this.#ledger.settled(this.#texts[number] ?? '', fate)
  }

  #heard(client: Client, { bytes, start, end, tagEnd, textAt }: Found): void {
    if (textAt < 0) return
    const body = bytes.toString('latin1', textAt, bytes.indexOf('<', textAt))
    if (bytes.toString('latin1', start, Math.min(end, tagEnd)).includes("type='error'")) this.#ledger.bounced(body)
    else this.#ledger.received(this.#names.get(client) ?? '', body)
  }
}
