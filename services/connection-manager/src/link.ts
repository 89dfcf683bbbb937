import type { ChannelBindingType } from '@starling/sasl'

/** One socket as a connection sees it, whatever carries it. */
export interface Link {
  /** Queues bytes that stand alone in the framing; false when the output limit is passed: nothing was queued. */
  readonly send: (bytes: Uint8Array) => boolean
  /** Writes what was queued; called once a tick. */
  readonly flush: () => void
  readonly pause: () => void
  readonly resume: () => void
  /** Writes what is queued and the last words, then closes. With `isForced` only what was begun, then the last words. */
  readonly end: (last: readonly Uint8Array[], isForced: boolean) => void
  /** Looks at the time, about once a second: for links that hold requests. */
  readonly look?: () => void
  /** Closes at once. */
  readonly destroy: () => void
  /** Begins the TLS handshake once the client's hello is there; `domain` is whom it wants where that names nobody. */
  readonly startTls: (domain?: string) => void
  readonly isSecure: boolean
  readonly channelBindings: () => readonly ChannelBindingType[]
  readonly channelBinding: (type: ChannelBindingType) => Uint8Array | undefined
  /** Units: bytes not yet taken by the operating system. */
  readonly queuedBytes: number
}

/** For links whose TLS may end at what stands before us: there is no channel to bind to. */
export const noChannel = {
  bindings: (): readonly ChannelBindingType[] => [],
  binding: (): Uint8Array | undefined => undefined,
} as const

/** What a link tells its connection. */
export interface LinkOwner {
  /** The chunk is the owner's from now on. */
  readonly receive: (chunk: Uint8Array) => void
  /** The TLS handshake is done. */
  readonly secured: () => void
  /** The peer broke the framing below XML. */
  readonly broken: (text: string) => void
  /** The socket is gone; called once. */
  readonly gone: () => void
}

/** Writes once per tick: links that have output are flushed together when the tick ends. */
export class FlushList {
  #links: Link[] = []
  #after: (() => void)[] = []
  readonly #schedule: (run: () => void) => void
  readonly #check: () => void
  readonly #run = (): void => {
    this.#check()
    const links = this.#links
    this.#links = []
    for (const link of links) link.flush()
    if (this.#after.length > 0) for (const run of this.#after.splice(0)) run()
  }

  /** `check` is asked before bytes go out: it may destroy links, which then write nothing (R7). */
  constructor(check: () => void, schedule: (run: () => void) => void = setImmediate) {
    this.#check = check
    this.#schedule = schedule
  }

  /** To be asked before writing outside of a tick's end. */
  check(): void {
    this.#check()
  }

  add(link: Link): void {
    this.#arm()
    this.#links.push(link)
  }

  /** Runs something once what was queued in this tick is written. */
  after(run: () => void): void {
    this.#arm()
    this.#after.push(run)
  }

  #arm(): void {
    if (this.#links.length === 0 && this.#after.length === 0) this.#schedule(this.#run)
  }
}
