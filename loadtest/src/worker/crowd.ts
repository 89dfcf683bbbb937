import { type Account, Client, type ClientEvents } from '../client/client.ts'
import { NumberedText } from '../client/numbered-text.ts'
import type { Unacked } from '../client/outbox.ts'
import type { Found } from '../client/scanner.ts'
import { attribute } from '../client/stream-text.ts'
import { openLoop, type Random, seededRandom } from '../measure/arrivals.ts'
import { Histograms } from '../measure/histograms.ts'
import { Ledger } from '../measure/ledger.ts'
import type { WorkerPlan } from '../plan/plan.ts'
import type { Pace } from '../scenario/scenario.ts'
import type { Scheduler } from './scheduler.ts'
import { Tally } from './tally.ts'

/** Where the process gets time and chance from. Units: ms. */
export interface CrowdPorts {
  readonly now: () => number
  readonly nonce: () => string
  readonly scheduler: Scheduler
}

/** Whoever wants to see what a client receives besides numbered messages. */
export type Watcher = (client: Client, found: Found) => void

const letter = { message: 0x6d, presence: 0x70 } as const
const firstRetryMs = 1_000
const maxRetryMs = 30_000
const sharedBytes = 65_536

/** All clients of one worker, and all that is measured of them. */
export class Crowd {
  readonly plan: WorkerPlan
  readonly random: Random
  readonly scheduler: Scheduler
  readonly now: () => number
  readonly tally = new Tally()
  readonly histograms = new Histograms()
  readonly ledger: Ledger
  readonly numbers: NumberedText
  /** Of each slice, its clients. */
  readonly groups: readonly (readonly Client[])[]
  /** Who is told of all stanzas but numbered messages. */
  readonly watchers = new Set<Watcher>()
  /** Who is told when a message of the user at this place has arrived. */
  readonly onArrived = new Set<(sender: number) => void>()
  readonly onUp = new Set<(client: Client) => void>()
  readonly #tries = new Map<Client, number>()
  readonly #asking = new Set<Client>()
  #isEnding = false
  online = 0

  constructor(plan: WorkerPlan, ports: CrowdPorts) {
    this.plan = plan
    this.random = seededRandom(plan.scenario.seed)
    this.scheduler = ports.scheduler
    this.now = ports.now
    this.ledger = new Ledger(plan.scenario.lateAfterMs)
    this.numbers = new NumberedText(plan.tag, 0)
    const world = {
      connection: plan.scenario.connection,
      domain: plan.domain,
      endpoints: plan.endpoints,
      numbers: this.numbers,
      shared: Buffer.allocUnsafe(sharedBytes),
      nonce: ports.nonce,
      now: ports.now,
      events: this.#events(),
    }
    let place = 0
    this.groups = plan.slices.map(({ from, to }) =>
      Array.from({ length: to - from }, (_, i) => {
        const client = new Client(this.#account(from + i, place++), world)
        client.isNew = plan.scenario.accounts.by === 'register'
        return client
      }),
    )
  }

  get users(): number {
    return this.groups.reduce((sum, group) => sum + group.length, 0)
  }

  /** Sends a numbered message; the ledger follows it. Units: ms. */
  sendMessage(from: Client, to: Client, text: (number: number) => string, intendedAt: number): void {
    if (from.state !== 'up') {
      this.tally.add(from.isAway ? 'skippedAway' : 'notSent')
      return
    }
    const number = this.ledger.send(from.account.index, intendedAt)
    const opening = `<message to='${this.address(to)}' type='chat' id='${this.numbers.short(number)}'>`
    from.send(`${opening}${text(number)}</message>`, number, intendedAt)
    if (from.unacked > 0) this.#asking.add(from)
  }

  address(client: Client): string {
    return `${client.account.name}@${this.plan.domain}`
  }

  /** Follows a pace over `users` users; returns how to end it. */
  follow(pace: Pace, users: number, fire: (intendedAt: number) => void): () => void {
    const perSecond = pace.kind === 'rate' ? pace.perSecond : (users * 1_000) / pace.everyMs
    const spacing = this.plan.scenario.arrivals
    return this.scheduler.follow(openLoop({ startMs: this.now(), perSecond, spacing, random: this.random }), fire)
  }

  /** Someone of a group, by chance. */
  anyone(group: readonly Client[]): Client | undefined {
    return group[Math.floor(this.random() * group.length)]
  }

  /** Asks every server session that owes an acknowledgement; once a second. */
  requestAcks(): void {
    for (const client of this.#asking) {
      if (client.unacked === 0) this.#asking.delete(client)
      else client.requestAck()
    }
  }

  /** From now on nobody comes back. */
  end(): void {
    this.#isEnding = true
    for (const group of this.groups) for (const client of group) client.leave()
  }

  /** How often a client's sign-in has failed since it was last up. */
  failuresOf(client: Client): number {
    return this.#tries.get(client) ?? 0
  }

  #account(index: number, place: number): Account {
    const { accounts } = this.plan.scenario
    if (accounts.by !== 'csv') return { index, name: `${accounts.prefix}${index}`, password: accounts.password }
    const [name = '', password = ''] = this.plan.accounts[place] ?? []
    return { index, name, password }
  }

  #events(): ClientEvents {
    return {
      onUp: (client, how) => {
        this.online++
        this.#tries.delete(client)
        const tookMs = this.now() - client.intendedAt
        this.tally.add(how === 'resumed' ? 'resumed' : 'signedIn')
        this.histograms.record(how === 'resumed' ? 'resume' : 'signIn', tookMs)
        for (const tell of this.onUp) tell(client)
      },
      onFailure: (client, reason) => {
        this.tally.fail(`sign-in: ${reason}`)
        this.tally.add('signInFailures')
        this.#retry(client)
      },
      onDown: (client, reason) => {
        this.online--
        this.tally.fail(`connection: ${reason}`)
        this.tally.add('disconnects')
        this.#retry(client)
      },
      onToken: (_, how) => this.tally.add(how === 'used' ? 'tokenSignIns' : 'tokensRefused'),
      onNotResumed: () => this.tally.add('resumeFailed'),
      onAcked: (_, stanzas) => this.#eachNumber(stanzas, (number) => this.ledger.acked(number)),
      onUncertain: (_, stanzas) => this.#eachNumber(stanzas, () => this.tally.add('uncertain')),
      onStanza: (client, found) => this.#receive(client, found),
    }
  }

  /** A deliberate cut or leaving. */
  goAway(client: Client, how: 'cut' | 'leave'): void {
    if (client.state === 'up') this.online--
    if (how === 'cut') client.cut()
    else client.leave()
  }

  #retry(client: Client): void {
    const tries = this.failuresOf(client) + 1
    this.#tries.set(client, tries)
    if (this.#isEnding) return
    const delayMs = Math.min(maxRetryMs, firstRetryMs * 2 ** (tries - 1)) * (0.5 + this.random())
    this.scheduler.after(delayMs, (due) => {
      if (!this.#isEnding && client.state === 'down' && !client.isAway) client.connect(due)
    })
  }

  #eachNumber(stanzas: readonly Unacked[], then: (number: number) => void): void {
    for (const { number } of stanzas) if (number >= 0) then(number)
  }

  #receive(client: Client, found: Found): void {
    this.tally.stanzas++
    const { bytes, start, tagEnd, textAt } = found
    if (bytes[start + 1] === letter.message) {
      const tag = bytes.toString('latin1', start, tagEnd)
      const isError = tag.includes(" type='error'") || tag.includes(' type="error"')
      const number = isError ? -1 : this.numbers.read(bytes, textAt)
      if (isError) this.#bounced(tag)
      if (number >= 0) this.#arrived(client, number)
      if (isError || number >= 0) return
    }
    for (const watch of this.watchers) watch(client, found)
  }

  #arrived(client: Client, number: number): void {
    const arrival = this.ledger.arrive(number, this.now())
    if (arrival.kind !== 'first') return
    if (!arrival.isWarmUp) {
      this.histograms.record(arrival.intendedAt < client.backAt ? 'caughtUp' : 'message', arrival.latencyMs)
    }
    for (const tell of this.onArrived) tell(arrival.sender)
  }

  // RFC 6120 §8.3.1: an error keeps the id.
  #bounced(tag: string): void {
    const id = Buffer.from(attribute(tag, 'id'))
    const number = this.numbers.read(id, 0)
    if (number >= 0) this.ledger.bounced(number)
    else this.tally.fail('an error came for a stanza that was no numbered message')
  }
}
