import { buildElement, checkEncoding, qualifiedRootName } from './canonical.ts'
import { byteClass, byteClasses } from './chars.ts'
import { decodeUtf8 } from './decode.ts'
import type { FaultCondition, GateEvent } from './events.ts'
import { readBody, readOpen, readStreamHeader } from './header.ts'
import type { GateLimits } from './limits.ts'
import type { NameTable } from './name-table.ts'
import { Pending } from './pending.ts'
import { type ScanContext, Scanner, scanState } from './scanner.ts'
import { clientNamespace, framingNamespace } from './stream-names.ts'
import { scan } from './tokenizer.ts'

/** What a gate is made of. */
export type GateOptions = {
  /** How the stream is cut: RFC 6120 (one long document), RFC 7395 (a document a message), XEP-0124 (elements in one `<body/>`). */
  readonly framing: 'tcp' | 'websocket' | 'bosh'
  readonly limits: GateLimits
  /** Namespace of the stanzas, default jabber:client, or what `<body/>` has; canonical bytes say jabber:client for it. */
  readonly contentNamespace?: string
  /** Decoded names, shared by all the gates of a process; without it each is decoded anew. */
  readonly names?: Pick<NameTable, 'decode'>
}

/**
 * Checks and cuts one XML stream. Nothing a peer sends makes it throw.
 * Source: RFC 6120 §4, §11; RFC 7395 §3.3; XEP-0124 §6.
 */
export type Gate = {
  /**
   * Takes the next bytes (over WebSocket: one whole message) and reports what they complete.
   * Shape: the events share the chunk's memory; it must not be written to afterwards.
   * Order: after a fault, nothing ever.
   */
  readonly push: (chunk: Uint8Array) => readonly GateEvent[]
  /** Goes on with bytes held back while stepping. */
  readonly resume: () => readonly GateEvent[]
  /**
   * While stepping, push and resume stop after one event, and what follows stays unread: for as long as an event may
   * be answered by a new stream (before authentication). Loop: `push`, handle, `resume` until it reports nothing.
   */
  readonly setStepping: (isStepping: boolean) => void
  /** Awaits a new stream header; bytes not yet read are the new stream's. After a fault it stays at fault. */
  readonly reset: () => void
  readonly setLimits: (limits: GateLimits) => void
  /** Bytes held: the start of an element, or unread while stepping. Not 0 after `<starttls/>` means injected bytes. */
  readonly pendingBytes: number
  /** Nothing is held. */
  readonly isIdle: boolean
}

const headerReaders = { tcp: readStreamHeader, websocket: readOpen, bosh: readBody } as const

/** `start`: the header is awaited, an XML declaration may still come. */
type Phase = 'start' | 'header' | 'open' | 'closed' | 'faulty'

function decodeAnew(buffer: Uint8Array, start: number, end: number): string {
  return decodeUtf8(buffer, start, end)
}

/** Makes the gate of one stream, awaiting its header. */
export function createGate(options: GateOptions): Gate {
  return new StreamGate(options)
}

class StreamGate implements Gate {
  readonly #options: GateOptions
  readonly #pending = new Pending()
  #context: ScanContext
  #scanner: Scanner | undefined
  #phase: Phase = 'start'
  #headerName = ''
  #isStepping = false

  constructor(options: GateOptions) {
    this.#options = options
    this.#context = this.#outerContext(options.limits)
  }

  get pendingBytes(): number {
    return this.#pending.size
  }

  get isIdle(): boolean {
    return this.#pending.size === 0
  }

  setLimits(limits: GateLimits): void {
    this.#context = { ...this.#context, limits }
    if (this.#scanner !== undefined) this.#scanner.context = this.#context
  }

  setStepping(isStepping: boolean): void {
    this.#isStepping = isStepping
  }

  reset(): void {
    if (this.#phase === 'faulty') return
    this.#phase = 'start'
    this.#headerName = ''
    this.#scanner = undefined
    this.#context = this.#outerContext(this.#context.limits)
  }

  push(chunk: Uint8Array): readonly GateEvent[] {
    if (this.#phase === 'faulty') return []
    if (this.#options.framing === 'websocket') return this.#pushMessage(chunk)
    const from = this.#pending.base
    const buffer = this.#pending.buffer
    this.#pending.append(chunk)
    if (this.#pending.buffer !== buffer) this.#follow(from)
    return this.resume()
  }

  resume(): readonly GateEvent[] {
    const events: GateEvent[] = []
    const pending = this.#pending
    while (this.#phase !== 'faulty' && this.#toElement(events)) {
      if (!this.#advance(events)) break
      if (this.#isStepping && events.length > 0) break
    }
    if (this.#isStepping && this.#skipSpace()) this.#checkUnread(events)
    const from = pending.base
    const buffer = pending.buffer
    pending.settle()
    if (pending.size > 0 && pending.buffer !== buffer) this.#follow(from)
    return events
  }

  #outerContext(limits: GateLimits): ScanContext {
    const { names, contentNamespace = clientNamespace } = this.#options
    return {
      limits,
      names: names ?? { decode: decodeAnew },
      contentNamespace,
      defaultNamespace: '',
      bindings: undefined,
    }
  }

  #follow(from: number): void {
    this.#scanner?.rebase(this.#pending.buffer, this.#pending.base - from)
  }

  /** RFC 7395 §3.3.3: a message holds one whole element and begins with its '<'. */
  #pushMessage(message: Uint8Array): readonly GateEvent[] {
    const events: GateEvent[] = []
    if (message[0] !== 0x3c) {
      this.#fail(events, 'bad-format', "a message begins with '<'")
      return events
    }
    this.#pending.append(message)
    while (this.#phase !== 'faulty' && this.#toElement(events)) {
      if (events.length > 0) this.#fail(events, 'bad-format', 'more than one element in a message')
      else if (!this.#advance(events)) break
    }
    this.#scanner = undefined
    if (!this.isIdle) this.#fail(events, 'not-well-formed', 'not a whole element in a message')
    else if (events.length === 0) this.#fail(events, 'bad-format', 'no element in a message')
    this.#pending.clear()
    return events
  }

  get #isBetween(): boolean {
    return this.#scanner === undefined || this.#scanner.state === scanState.between
  }

  /** Skips white space between elements; says whether more is held. */
  #skipSpace(): boolean {
    const pending = this.#pending
    if (!this.#isBetween) return true
    const { buffer, end } = pending
    let at = pending.base
    // RFC 6120 §4.6.1: white space between stanzas keeps the connection alive
    while (at < end && ((byteClasses[buffer[at] as number] as number) & byteClass.space) !== 0) at++
    pending.base = at
    if (at === end) this.#scanner = undefined
    return at < end
  }

  /** Goes to the next element; says whether one has begun. */
  #toElement(events: GateEvent[]): boolean {
    if (!this.#isBetween) return true
    if (!this.#skipSpace()) return false
    const byte = this.#pending.buffer[this.#pending.base] as number
    if (byte !== 0x3c) {
      if (this.#phase === 'start' && byte >= 0xfe) this.#fail(events, 'unsupported-encoding', 'streams are in UTF-8')
      else this.#fail(events, 'bad-format', 'character data outside of a stanza')
      return false
    }
    if (this.#phase === 'closed') {
      this.#fail(events, 'not-well-formed', 'data after the end of the stream')
      return false
    }
    this.#begin()
    return true
  }

  #begin(): void {
    const { buffer, base } = this.#pending
    this.#scanner ??= new Scanner(this.#context, buffer)
    this.#scanner.context = this.#context
    this.#scanner.begin(buffer, base)
    const isAwaited = this.#phase === 'start' || this.#phase === 'header'
    this.#scanner.isHeader = isAwaited && this.#options.framing !== 'websocket'
    this.#scanner.isDeclarationAllowed = this.#phase === 'start'
  }

  /** Scans on in the element at hand; says whether another may follow in the bytes held. */
  #advance(events: GateEvent[]): boolean {
    const pending = this.#pending
    const s = this.#scanner
    if (s === undefined) return false
    const limit = pending.base + this.#context.limits.maxStanzaBytes
    scan(s, Math.min(pending.end, limit))
    if (s.fault === undefined && s.isDone) checkEncoding(s)
    if (s.fault !== undefined) {
      this.#fail(events, s.fault.condition, s.fault.text)
      return false
    }
    if (!s.isDone) {
      if (s.position >= limit) this.#fail(events, 'policy-violation', 'a stanza is too big')
      return false
    }
    this.#finish(events, s)
    pending.base = s.position
    s.state = scanState.between
    if (pending.size === 0) this.#scanner = undefined
    return true
  }

  #finish(events: GateEvent[], s: Scanner): void {
    if (s.state === scanState.declaration) this.#phase = 'header'
    else if (s.isStreamEnd) this.#endStream(events, s)
    else if (this.#options.framing === 'websocket') this.#finishMessage(events, s)
    else if (s.isHeader) this.#openStream(events, s)
    else events.push({ kind: 'element', element: buildElement(s) })
  }

  #finishMessage(events: GateEvent[], s: Scanner): void {
    const isFraming = s.rootNamespace === framingNamespace
    if (isFraming && s.rootName === 'close') {
      // RFC 7395 §3.6
      this.#phase = 'closed'
      events.push({ kind: 'close' })
    } else if (this.#phase === 'open' && !(isFraming && s.rootName === 'open')) {
      events.push({ kind: 'element', element: buildElement(s) })
    } else this.#openStream(events, s)
  }

  #openStream(events: GateEvent[], s: Scanner): undefined {
    const header = headerReaders[this.#options.framing](s)
    if (!header.ok) return this.#fail(events, header.error.condition, header.error.text)
    this.#phase = 'open'
    events.push(header.value)
    if (!s.isHeader) return
    this.#headerName = qualifiedRootName(s)
    this.#context = {
      ...this.#context,
      defaultNamespace: s.rootDefaultNamespace,
      // XEP-0206 §2: what names no namespace of its own within <body/> is the client's
      contentNamespace: this.#options.framing === 'bosh' ? s.rootDefaultNamespace : this.#context.contentNamespace,
      bindings: s.rootBindings,
    }
    // an empty-element tag: a stream of nothing
    if (s.buffer[s.position - 2] === 0x2f) {
      this.#phase = 'closed'
      events.push({ kind: 'close' })
    }
  }

  #endStream(events: GateEvent[], s: Scanner): undefined {
    const name = decodeUtf8(s.buffer, s.nameStart, s.nameEnd)
    if (this.#phase !== 'open' || name !== this.#headerName) {
      return this.#fail(events, 'not-well-formed', 'an end tag that matches no start tag')
    }
    this.#phase = 'closed'
    events.push({ kind: 'close' })
  }

  #checkUnread(events: GateEvent[]): void {
    if (this.#phase === 'faulty' || this.#pending.size <= this.#context.limits.maxPendingBytes) return
    this.#fail(events, 'policy-violation', 'too much sent ahead of an answer')
  }

  #fail(events: GateEvent[], condition: FaultCondition, text: string): undefined {
    if (this.#phase === 'faulty') return
    this.#phase = 'faulty'
    this.#scanner = undefined
    this.#pending.clear()
    events.push({ kind: 'fault', condition, text })
  }
}
