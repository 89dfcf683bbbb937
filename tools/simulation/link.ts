import type { Connection } from '../../services/connection-manager/src/connection.ts'
import type { FlushList, Link } from '../../services/connection-manager/src/link.ts'
import type { Engine, Process } from './engine.ts'

/** What a client hears of its line. */
export interface LineOwner {
  /** What the server wrote, a piece for each element. */
  readonly heard: (pieces: readonly string[]) => void
  /** The line is dead, and the client knows. */
  readonly lost: () => void
}

/** A line between a client and a connection: two directions, each in order, each with its own delay. */
export class Line implements Link {
  readonly process: Process
  readonly isSecure = true
  readonly queuedBytes = 0
  /** Since when nothing gets through, on either side. Units: ms; undefined while it works. */
  brokenMs: number | undefined
  /** When its pod last stood still: a lease that ended meanwhile began to end then. Units: ms. */
  stoppedMs = Number.POSITIVE_INFINITY
  /** What did not reach its client yet. Units: pieces. */
  onTheWay = 0
  readonly #engine: Engine
  readonly #owner: LineOwner
  #flushes: FlushList | undefined
  #connection: Connection | undefined
  #queued: Uint8Array[] = []
  #unread: Uint8Array[] = []
  #isPaused = false
  #isClosed = false
  #isGone = false
  #isCut = false
  #isDeaf = false
  #downMs = 0
  #upMs = 0
  readonly #climbing: { isLost: boolean }[] = []

  constructor(engine: Engine, process: Process, owner: LineOwner) {
    this.#engine = engine
    this.process = process
    this.#owner = owner
  }

  /** The pod took the socket. */
  attach(connection: Connection, flushes: FlushList): void {
    this.#connection = connection
    this.#flushes = flushes
    connection.attach(this)
    if (this.#isCut) this.#gone(0)
  }

  // ---- the pod's side -----------------------------------------------------------------------------------------------

  send(bytes: Uint8Array): boolean {
    if (this.#isClosed) return true
    if (this.#queued.length === 0) this.#flushes?.add(this)
    this.#queued.push(bytes)
    return true
  }

  flush(): void {
    const pieces = this.#queued.map((bytes) => Buffer.from(bytes).toString('utf8'))
    this.#queued = []
    if (pieces.length > 0) this.tell(pieces)
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#engine.later(this.process, 0, () => this.#read())
  }

  end(last: readonly Uint8Array[]): void {
    if (this.#isClosed) return
    if (this.#queued.length > 0) this.#flushes?.check()
    if (this.#isClosed) return
    this.#queued.push(...last)
    this.flush()
    this.#close()
  }

  destroy(): void {
    this.#queued = []
    this.#close()
  }

  startTls(): void {}

  channelBindings(): readonly [] {
    return []
  }

  channelBinding(): undefined {
    return undefined
  }

  /** The process is gone, and its sockets with it. */
  podDied(): void {
    this.#break()
    this.#isClosed = true
    // What the kernel had not sent goes with the machine, and then nobody tells the client
    this.#isDeaf = this.#engine.random.chance(0.5)
    if (this.#engine.random.chance(0.7)) this.#down(() => this.#owner.lost())
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#break()
    this.#down(() => this.#owner.lost())
    this.#gone(0)
  }

  #gone(delayMs: number): void {
    this.#engine.later(this.process, delayMs, () => {
      if (this.#isGone) return
      this.#isGone = true
      this.#connection?.gone()
    })
  }

  #read(): void {
    if (this.#isClosed) return
    while (this.#unread.length > 0 && !this.#isPaused) {
      const chunk = this.#unread.shift()
      if (chunk !== undefined) this.#connection?.receive(chunk)
    }
  }

  // ---- the client's side --------------------------------------------------------------------------------------------

  /** Writes; what is written before the connection is there waits for it. */
  write(text: string): void {
    if (this.#isCut) return
    const climb = { isLost: false }
    this.#climbing.push(climb)
    this.#upMs = Math.max(this.#upMs, this.#engine.nowMs() + this.#engine.latencyMs())
    this.#engine.later(this.process, this.#upMs - this.#engine.nowMs(), () => {
      this.#climbing.splice(this.#climbing.indexOf(climb), 1)
      if (climb.isLost) return
      this.#unread.push(Buffer.from(text, 'utf8'))
      if (!this.#isPaused) this.#read()
    })
  }

  /** Gives up, or is cut off: some of what is on its way still arrives, and the pod learns of it soon, late or never. */
  cut(isSilent: boolean): void {
    if (this.#isCut) return
    this.#isCut = true
    this.#break()
    const arrive = this.#engine.random.below(this.#climbing.length + 1)
    for (const climb of this.#climbing.slice(arrive)) climb.isLost = true
    if (this.#connection === undefined || isSilent) return
    this.#gone(Math.max(this.#upMs - this.#engine.nowMs(), 0) + this.#engine.latencyMs())
  }

  // ---- between ------------------------------------------------------------------------------------------------------

  /** Something on its way down, that is no XML. */
  tell(pieces: readonly string[]): void {
    this.onTheWay += 1
    this.#down(() => {
      this.onTheWay -= 1
      if (!this.#isDeaf) this.#owner.heard(pieces)
    })
  }

  #down(run: () => void): void {
    this.#downMs = Math.max(this.#downMs, this.#engine.nowMs() + this.#engine.latencyMs())
    this.#engine.later(undefined, this.#downMs - this.#engine.nowMs(), () => {
      if (!this.#isCut) run()
    })
  }

  #break(): void {
    this.brokenMs ??= this.#engine.nowMs()
  }
}
