import type { BareJid } from '@starling/jid'
import type { ClientPlan, Surroundings } from './client-plan.ts'
import { answerTimeoutMs, header, numberOf, otherStanzas, type Phase, signInTimeoutMs, two32 } from './client-words.ts'
import type { Engine } from './engine.ts'
import { resumeSeconds } from './io.ts'
import type { SessionLog } from './ledger.ts'
import { Line } from './link.ts'
import { ready, type SimulatedPod } from './pod.ts'

/** A device: a client of RFC 6120 and, mostly, of XEP-0198, that never gives up. Source: XEP-0198 §3–§5. */
export class Client {
  readonly plan: ClientPlan
  readonly #all: Surroundings
  #line: Line | undefined
  #pod: SimulatedPod | undefined
  #phase: Phase = 'off'
  #sinceMs = 0
  #session: SessionLog | undefined
  #sessions = 0
  /** What `previd` to resume with; '' when there is none. */
  #smId = ''
  #isCounting = false
  /** Stanzas received since `<enabled/>`. */
  #inbound = 0
  #told = 0
  /** Stanzas that were acknowledged. */
  #handled = 0
  #unacked: { readonly text: string; readonly id: string | undefined }[] = []
  /** When the request for an answer went out; undefined when none is open. */
  #askedMs: number | undefined
  #left: number
  #sequence = 0
  /** When its line broke. */
  #lostMs = 0
  /** Takes messages. */
  #isReady = true
  /** Away until then. */
  #awayUntilMs = 0
  #hasLeft = false

  constructor(all: Surroundings, plan: ClientPlan) {
    this.#all = all
    this.plan = plan
    this.#left = plan.messages
  }

  /** Whether it is online, has said all and knows that it was heard. */
  get isAtRest(): boolean {
    if (this.#hasLeft) return true
    if (this.#line?.brokenMs !== undefined) return false
    return (
      this.#phase === 'up' &&
      this.#isReady &&
      this.#left === 0 &&
      this.#line?.onTheWay === 0 &&
      (!this.plan.hasSm || (this.#unacked.length === 0 && this.#told === this.#inbound))
    )
  }

  /** Where it stands, for people. */
  get status(): string {
    return `${this.plan.name} ${this.#phase} left=${this.#left} unacked=${this.#unacked.length} in=${this.#inbound}/${this.#told}`
  }

  get hasLeft(): boolean {
    return this.#hasLeft
  }
  /** Queue of what it has not acknowledged; undefined when it has no session with stream management. */
  get queue(): { readonly account: BareJid; readonly queue: string; readonly counted: number } | undefined {
    return this.#smId === '' ? undefined : { account: this.plan.account, queue: this.#smId, counted: this.#inbound }
  }

  /** Loses its line. */
  cut(isSilent: boolean): void {
    if (this.#line === undefined) return
    this.#say(`loses its line${isSilent ? ' silently' : ''}`)
    this.#line.cut(isSilent)
    this.#off()
  }

  /** Stays away for a while, or for good. Units: ms. */
  leave(forMs: number): void {
    this.cut(this.#random.chance(0.3))
    this.#awayUntilMs = this.#now + forMs
    if (forMs === Number.POSITIVE_INFINITY) this.#hasLeft = true
  }

  /** A new device with its account: its last session is not resumed. */
  comeAnew(): void {
    this.#hasLeft = false
    this.#awayUntilMs = 0
    this.#forget()
    this.#left = 0
  }

  // ---- what it does -------------------------------------------------------------------------------------------------

  /** Lives: does something now and then. */
  start(): void {
    const paceMs = this.#phase === 'up' ? 400 : 900
    this.#all.engine.later(undefined, 5 + this.#random.next() * paceMs, () => {
      this.#tick()
      this.start()
    })
  }

  #tick(): void {
    if (this.#line === undefined) {
      if (this.#now >= this.#awayUntilMs && !this.#hasLeft) this.#connect()
      return
    }
    if (this.#phase !== 'up') {
      if (this.#now - this.#sinceMs > signInTimeoutMs * (0.3 + this.#random.next())) this.cut(true)
      return
    }
    const calm = this.#all.isCalm()
    // Nobody said goodbye: it notices at some time
    const { brokenMs = Number.POSITIVE_INFINITY } = this.#line
    if (this.#now - brokenMs > answerTimeoutMs && this.#random.chance(0.1)) this.cut(true)
    else if (this.#askedMs !== undefined && this.#now - this.#askedMs > answerTimeoutMs) this.cut(true)
    else if (this.#left > 0 && this.#random.chance(calm ? 0.9 : 0.35)) this.#sendMessage()
    else if (!this.#isReady && this.#random.chance(calm ? 0.5 : 0.1)) this.#becomeReady()
    else if (this.plan.hasSm) this.#acknowledge(calm)
    else if (!calm && this.#random.chance(0.07)) this.#sendOther()
  }

  /** Asks for, or gives, an acknowledgement. */
  #acknowledge(calm: boolean): void {
    if (this.#unacked.length > 0 && this.#askedMs === undefined && this.#random.chance(0.5)) this.#ask()
    else if (this.#inbound > this.#told && this.#random.chance(calm ? 0.5 : 0.2)) this.#answer()
    else if (!calm && this.#random.chance(0.07)) this.#sendOther()
  }

  #connect(): void {
    const pods = this.#all.pods()
    if (pods.length === 0) return
    const pod = this.#random.pick(pods)
    this.#pod = pod
    const line = new Line(this.#all.engine, pod.process, {
      heard: (pieces) => {
        for (const piece of pieces) if (this.#line === line) this.#hear(piece)
      },
      lost: () => {
        if (this.#line !== line) return
        this.#say('is cut off')
        line.cut(true)
        this.#off()
      },
    })
    this.#line = line
    this.#enter('opening')
    this.#say(`dials ${pod.process.name}`)
    pod.accept(line, this.plan.account)
  }

  #sendMessage(): void {
    const { others, name } = this.plan
    if (this.#session === undefined) return
    this.#left -= 1
    this.#sequence += 1
    const to = this.#random.pick(others)
    const id = `${name}.${this.#sequence}`
    this.#all.ledger.sent.set(id, {
      id,
      session: this.#session.key,
      fromAccount: this.plan.account,
      toAccount: to,
      sequence: this.#sequence,
      isAcked: false,
    })
    this.#say(`sends ${id} to ${to}`)
    this.#send(`<message to='${to}' type='chat' id='${id}'><body>${id}</body></message>`, id)
  }

  /** Something that is no message. */
  #sendOther(): void {
    this.#sequence += 1
    const id = `q${this.#sequence}`
    const what = this.#random.pick(otherStanzas(id))
    // RFC 6121 §8.5.2.2.1: to nobody who is ready, a message is kept
    if (what.startsWith('<presence')) this.#isReady = !/-1|unavailable/.test(what)
    this.#send(what, undefined)
  }

  #becomeReady(): void {
    this.#isReady = true
    this.#send('<presence/>', undefined)
  }

  /** Sends a stanza: kept until it is acknowledged. */
  #send(text: string, id: string | undefined): void {
    if (this.plan.hasSm) this.#unacked.push({ text, id })
    this.#line?.write(text)
  }

  #ask(): void {
    this.#askedMs = this.#now
    this.#line?.write(`<r xmlns='urn:xmpp:sm:3'/>`)
  }

  #answer(): void {
    this.#told = this.#inbound
    this.#line?.write(`<a xmlns='urn:xmpp:sm:3' h='${this.#inbound % two32}'/>`)
  }

  // ---- what it hears ------------------------------------------------------------------------------------------------

  #hear(piece: string): void {
    if (piece === ready) this.#line?.write(header)
    else if (piece.includes('<stream:features')) this.#opened()
    else if (piece.startsWith('<?xml') || piece.startsWith('<stream:stream')) return
    else if (/^<(message|presence|iq)\b/.test(piece)) this.#stanza(piece)
    else if (piece.startsWith('<enabled')) this.#enabled(piece)
    else if (piece.startsWith('<resumed')) this.#resumed(piece)
    else if (piece.startsWith('<failed')) this.#failed(piece)
    else if (piece.startsWith('<a ')) {
      this.#askedMs = undefined
      this.#acknowledged(numberOf(piece))
    } else if (piece.startsWith('<r ') || piece.startsWith('<r/')) {
      if (this.#random.chance(0.9)) this.#answer()
    } else if (piece.startsWith('<stream:error')) this.#streamError(piece)
    else if (!piece.startsWith('</stream')) this.#violation(`heard what it does not know: ${piece}`)
  }

  #opened(): void {
    if (this.#phase !== 'opening') return
    if (this.#smId !== '') {
      this.#enter('resuming')
      this.#say(`resumes ${this.#smId} h=${this.#inbound}`)
      this.#line?.write(`<resume xmlns='urn:xmpp:sm:3' previd='${this.#smId}' h='${this.#inbound % two32}'/>`)
      if (!this.#all.isCalm() && this.#random.chance(0.15)) this.#loseHeart()
    } else this.#bind()
  }

  /** Its pod stands still for a moment; it tries another, and the first one wakes with a resume that is late. */
  #loseHeart(): void {
    const line = this.#line
    if (this.#pod !== undefined) this.#all.stall(this.#pod)
    this.#all.engine.later(undefined, 50 + this.#random.next() * 800, () => {
      if (this.#line === line) this.cut(true)
    })
  }

  #bind(): void {
    this.#forget()
    this.#enter('binding')
    const bind = `<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${this.plan.resource}</resource></bind>`
    this.#line?.write(`<iq type='set' id='b1'>${bind}</iq>`)
  }

  #bound(): void {
    this.#sessions += 1
    const { name, account, resource, hasSm } = this.plan
    this.#session = { key: `${name}#${this.#sessions}`, account, resource, hasSm: false, isOver: false, received: [] }
    this.#all.ledger.sessions.push(this.#session)
    this.#say(`is bound: ${this.#session.key}`)
    if (!hasSm) {
      this.#begin()
      return
    }
    this.#enter('enabling')
    this.#line?.write(`<enable xmlns='urn:xmpp:sm:3' resume='true'/>`)
    // XEP-0198 §4: what follows <enable/> is counted, also before the answer
    if (this.#random.chance(0.3)) this.#begin()
  }

  /** Becomes available. */
  #begin(): void {
    if (this.plan.hasCarbons) this.#send(`<iq type='set' id='c1'><enable xmlns='urn:xmpp:carbons:2'/></iq>`, undefined)
    this.#becomeReady()
    if (this.#phase !== 'enabling') this.#enter('up')
  }

  #enabled(piece: string): void {
    if (this.#phase !== 'enabling' || this.#session === undefined) {
      this.#violation(`unasked ${piece}`)
      return
    }
    this.#smId = /\bid=['"]([^'"]*)/.exec(piece)?.[1] ?? ''
    this.#session.hasSm = true
    this.#isCounting = true
    this.#say(`has stream management: ${this.#smId}`)
    this.#enter('up')
    if (this.#unacked.length === 0) this.#begin()
  }

  #resumed(piece: string): void {
    if (this.#phase !== 'resuming') {
      this.#violation(`unasked ${piece}`)
      return
    }
    this.#say(`hears ${piece}`)
    this.#acknowledged(numberOf(piece))
    this.#isCounting = true
    this.#enter('up')
    // XEP-0198 §5: what was not handled is sent again
    for (const { text } of this.#unacked) this.#line?.write(text)
  }

  #failed(piece: string): void {
    if (this.#phase !== 'resuming') {
      this.#violation(`${this.#phase}: ${piece}`)
      return
    }
    const keptMs = this.#now - this.#lostMs
    this.#say(`cannot resume ${this.#smId}, ${Math.round(keptMs)} ms after its line broke`)
    // R11: sessions that waited are gone when presence has forgotten them
    if (keptMs < resumeSeconds * 1000 && !this.#all.ledger.isForgetful)
      this.#violation(`I5 not resumed though it came back in time: ${piece}`)
    if (/\bh=/.test(piece)) this.#acknowledged(numberOf(piece))
    this.#bind()
  }

  #streamError(piece: string): void {
    this.#say(`hears ${piece}`)
    if (piece.includes('handled-count-too-high')) this.#violation(`I5 counts differ: ${piece}`)
  }

  #stanza(piece: string): void {
    const opening = piece.slice(0, piece.indexOf('>') + 1)
    if (this.#phase === 'binding') {
      if (/type=['"]error/.test(opening)) this.cut(false)
      else if (/id=['"]b1['"]/.test(opening)) this.#bound()
      return
    }
    if (this.#isCounting) this.#inbound += 1
    if (!piece.startsWith('<message') || piece.includes('<result')) return // XEP-0313: a page of the archive is no message
    const id = /<body>([^<]*)<\/body>/.exec(piece)?.[1] ?? /\bid=['"]([^'"]*)/.exec(opening)?.[1] ?? ''
    if (/type=['"]error/.test(opening)) {
      if (this.#all.ledger.sent.has(id)) this.#violation(`I1 ${id} came back: ${piece}`)
      return
    }
    const isCarbon = piece.includes('urn:xmpp:carbons:2')
    if (isCarbon && piece.includes('<sent')) return
    this.#say(`receives ${id}${this.#isCounting ? ` as number ${this.#inbound}` : ''}`)
    this.#session?.received.push({ id, isCarbon, isDelayed: piece.includes('urn:xmpp:delay') })
  }

  /** XEP-0198 §4: the server says how many it has handled. */
  #acknowledged(h: number): void {
    const fresh = (h - (this.#handled % two32) + two32) % two32
    if (fresh > this.#unacked.length) {
      this.#violation(`I5 h=${h} with ${this.#handled} acknowledged and ${this.#unacked.length} sent since`)
      return
    }
    this.#handled += fresh
    for (const { id } of this.#unacked.splice(0, fresh)) {
      const sent = id === undefined ? undefined : this.#all.ledger.sent.get(id)
      if (sent !== undefined) sent.isAcked = true
    }
    if (fresh > 0) this.#say(`knows ${this.#handled} handled`)
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  #off(): void {
    const line = this.#line
    if (this.#isCounting && line !== undefined)
      this.#lostMs = Math.min(this.#now, line.brokenMs ?? this.#now, line.stoppedMs)
    this.#line = undefined
    this.#isCounting = false
    this.#askedMs = undefined
    this.#phase = 'off'
    if (!this.plan.hasSm || this.#smId === '') this.#forget()
  }

  /** The session is over. */
  #forget(): void {
    if (this.#session !== undefined) this.#session.isOver = true
    this.#session = undefined
    this.#smId = ''
    this.#isCounting = false
    this.#inbound = 0
    this.#told = 0
    this.#handled = 0
    this.#unacked = []
    this.#askedMs = undefined
  }

  #enter(phase: Phase): void {
    this.#phase = phase
    this.#sinceMs = this.#now
  }

  #violation(text: string): void {
    this.#all.engine.violation(`${this.plan.name}: ${text}`)
  }

  #say(text: string): void {
    this.#all.engine.trace(() => `${this.plan.name} ${text}`)
  }

  get #now(): number {
    return this.#all.engine.nowMs()
  }

  get #random(): Engine['random'] {
    return this.#all.engine.random
  }
}
