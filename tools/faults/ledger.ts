/** One numbered message: `n` counts from 1 for each sender, over all of its streams. */
export interface Numbered {
  readonly from: string
  readonly n: number
}

/** What became of a message, as its sender knows. `unknown`: its stream broke, or its session could not be resumed. */
export type Fate = 'sent' | 'acked' | 'unknown'

/** A message and all that is known of it. */
export interface Entry extends Numbered {
  readonly to: string
  /** Whether its sender manages its stream (XEP-0198): else nothing is ever acknowledged. */
  readonly isManaged: boolean
  fate: Fate
  bounces: number
  /** How often its sender sent it once more though it had been acknowledged: the recipient must have it so often then. */
  repeats: number
  /** Order of its arrivals at the recipient, counted over all that the recipient received. */
  readonly arrivals: number[]
  /** Its first arrival told when it was sent (XEP-0203): it was kept somewhere. */
  isDelayed: boolean
  /** Nobody promises its arrival: what had it was lost with its recipient's session. The archive has it. */
  isExcused: boolean
}

/** A kind of damage, for messages that were acknowledged and for others. */
export interface Damage {
  readonly acked: number
  readonly unacked: number
}

/** What a reconciliation found. */
export interface Account {
  readonly sent: number
  readonly acked: number
  /** Not received by a recipient that manages its stream. */
  readonly lost: Damage
  readonly twice: Damage
  readonly reordered: Damage
  readonly bounced: Damage
  /** Not received live by recipients without stream management: not promised; the archive has them. */
  readonly missedUnmanaged: number
  /** Sent again by clients though they had been acknowledged. */
  readonly repeated: number
  /** Not received, and nobody promised that: Redis alone had it for a session that ended. */
  readonly excused: number
  /** The first few, to look for in logs. */
  readonly examples: readonly string[]
}

/** Keeps book of every message between many members. */
export class Ledger {
  readonly #entries = new Map<string, Entry>()
  readonly #managed: ReadonlySet<string>
  readonly #received = new Map<string, number>()
  /** Whatever came that nobody sent. */
  strays = 0
  /**
   * Redis has forgotten everything: what it alone had for a session that is not resumed may be missing, and what was kept meanwhile may
   * be overtaken (docs/guarantees.md). Everything else is promised as ever.
   */
  isForgetful = false

  /** `managed`: names of the members with stream management. */
  constructor(managed: ReadonlySet<string>) {
    this.#managed = managed
  }

  sent(from: string, to: string, n: number): void {
    const isManaged = this.#managed.has(from)
    this.#entries.set(textOf({ from, n }), {
      from,
      to,
      n,
      isManaged,
      fate: 'sent',
      bounces: 0,
      repeats: 0,
      arrivals: [],
      isDelayed: false,
      isExcused: false,
    })
  }

  /** The server acknowledged it; `unknown` when its session was lost first. */
  settled(text: string, fate: 'acked' | 'unknown'): void {
    const entry = this.#entries.get(text)
    if (entry !== undefined && entry.fate !== 'acked') entry.fate = fate
  }

  /** Its sender sent it again, by its own fault. */
  repeated(text: string): void {
    const entry = this.#entries.get(text)
    if (entry !== undefined) entry.repeats++
  }

  bounced(text: string): void {
    const entry = this.#entries.get(text)
    if (entry !== undefined) entry.bounces++
  }

  /** A client began a new session: what the old one had is excused where Redis has forgotten it. */
  began(name: string): void {
    if (!this.isForgetful) return
    for (const entry of this.#entries.values()) {
      if (entry.to === name && entry.arrivals.length === 0) entry.isExcused = true
    }
  }

  received(by: string, text: string, isDelayed = false): void {
    const entry = this.#entries.get(text)
    if (entry === undefined || entry.to !== by) {
      this.strays++
      return
    }
    const order = (this.#received.get(by) ?? 0) + 1
    this.#received.set(by, order)
    if (entry.arrivals.length === 0) entry.isDelayed = isDelayed
    entry.arrivals.push(order)
  }

  /** Acknowledged messages that a recipient with stream management still waits for. */
  get outstanding(): number {
    return this.#all().filter((entry) => this.#isMissing(entry)).length
  }

  /**
   * Whatever was not acknowledged by now never will be: a client whose connection breaks while it sends again what it kept
   * (@xmpp/client) forgets the rest.
   */
  giveUp(): void {
    for (const entry of this.#entries.values()) if (entry.fate === 'sent') entry.fate = 'unknown'
  }

  /** The first messages that are outstanding. */
  waiting(limit: number): readonly string[] {
    const waiting = this.#all().filter((one) => this.#isMissing(one))
    const told = waiting.map((one) => `${textOf(one)} to ${one.to} ${one.fate}, ${one.arrivals.length} arrived`)
    return [...told.slice(0, limit), `${told.length} in all`]
  }

  /** Everything sent from `from` on (as `count` gave it) reconciled. */
  account(from = 0): Account {
    const entries = this.#all().slice(from)
    const lost = entries.filter((entry) => this.#isMissing(entry) && entry.bounces === 0)
    const twice = entries.filter(({ arrivals, repeats }) => arrivals.length > 1 + repeats)
    const bounced = entries.filter(({ bounces }) => bounces > 0)
    const reordered = this.#disorder(entries)
    const examples = [
      ...lost.filter(({ fate }) => fate === 'acked').map((one) => `lost ${textOf(one)} to ${one.to}`),
      ...twice.map((one) => `twice ${textOf(one)} to ${one.to}`),
      ...reordered.map((one) => `out of order ${textOf(one)} to ${one.to}`),
      ...bounced.map((one) => `bounced ${textOf(one)} to ${one.to}`),
    ]
    return {
      sent: entries.length,
      acked: entries.filter(({ fate }) => fate === 'acked').length,
      lost: damage(lost),
      twice: damage(twice),
      reordered: damage(reordered),
      bounced: damage(bounced),
      missedUnmanaged: entries.filter(({ to, arrivals }) => arrivals.length === 0 && !this.#managed.has(to)).length,
      repeated: entries.filter(({ repeats }) => repeats > 0).length,
      excused: entries.filter(({ isExcused, arrivals, fate }) => isExcused && fate === 'acked' && arrivals.length === 0)
        .length,
      examples: examples.slice(0, 8),
    }
  }

  get count(): number {
    return this.#entries.size
  }

  /** What two archives must hold of one pair: every acknowledged message once, in order; others at most once. */
  checkArchive(from: string, to: string, bodies: readonly string[]): readonly string[] {
    const faults: string[] = []
    const seen = new Set<string>()
    let last = 0
    for (const body of bodies) {
      const read = readText(body)
      if (read?.from !== from) continue
      if (seen.has(body)) {
        if ((this.#entries.get(body)?.repeats ?? 0) === 0) faults.push(`${body} stands twice`)
      } else if (read.n < last) faults.push(`${body} stands after ${from}.${last}`)
      seen.add(body)
      last = Math.max(last, read.n)
    }
    for (const entry of this.#entries.values()) {
      if (entry.from !== from || entry.to !== to || entry.fate !== 'acked') continue
      if (!seen.has(textOf(entry))) faults.push(`${textOf(entry)} is missing`)
    }
    return faults
  }

  #all(): readonly Entry[] {
    return [...this.#entries.values()]
  }

  #isMissing({ to, fate, arrivals, isManaged, isExcused }: Entry): boolean {
    return arrivals.length === 0 && this.#managed.has(to) && isManaged && fate === 'acked' && !isExcused
  }

  /**
   * Messages of one pair whose first arrival is before that of one sent earlier. Without stream management a live message may
   * overtake what was kept offline meanwhile (docs/guarantees.md): such recipients are left out.
   */
  #disorder(entries: readonly Entry[]): readonly Entry[] {
    const last = new Map<string, number>()
    return entries.filter(({ from, to, arrivals, isDelayed }) => {
      const [first] = arrivals
      if (first === undefined || !this.#managed.has(to) || (this.isForgetful && isDelayed)) return false
      const pair = `${from} ${to}`
      const before = last.get(pair) ?? 0
      last.set(pair, Math.max(before, first))
      return first < before
    })
  }
}

function damage(entries: readonly Entry[]): Damage {
  const acked = entries.filter(({ fate }) => fate === 'acked').length
  return { acked, unacked: entries.length - acked }
}

/** The body of a message. */
export function textOf({ from, n }: Numbered): string {
  return `${from}.${n}`
}

/** Reads a body; undefined when it is none of ours. */
export function readText(body: string): Numbered | undefined {
  const match = /^([a-z0-9-]+)\.(\d+)$/.exec(body)
  return match === null ? undefined : { from: match[1] ?? '', n: Number(match[2]) }
}
