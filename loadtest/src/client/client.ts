import type { Connection } from '../scenario/scenario.ts'
import { clientId, type FastToken } from './fast-token.ts'
import { type Endpoint, type Link, openLink } from './link.ts'
import type { NumberedText } from './numbered-text.ts'
import { maxUnacked, Outbox, type Unacked } from './outbox.ts'
import { type Found, Scanner } from './scanner.ts'
import type { ClientKeys } from './scram-client.ts'
import { SignIn } from './sign-in.ts'
import type { Bound } from './sign-in-ports.ts'
import { conditionOf, framed } from './stream-text.ts'

/** A client's account; `index` is its place in the whole run. */
export interface Account {
  readonly index: number
  readonly name: string
  readonly password: string
}

/** Whom all clients of a worker tell. Units: ms. */
export interface ClientEvents {
  readonly onUp: (client: Client, how: 'bound' | 'resumed') => void
  /** The sign-in came to nothing. */
  readonly onFailure: (client: Client, reason: string) => void
  /** An established connection ended, not by our will. */
  readonly onDown: (client: Client, reason: string) => void
  readonly onAcked: (client: Client, stanzas: readonly Unacked[]) => void
  /** A sign-in by a token: accepted, or refused and done by password. */
  readonly onToken: (client: Client, how: 'used' | 'refused') => void
  /** The server did not resume the session; a new one follows. */
  readonly onNotResumed: (client: Client) => void
  /** The session is gone: nobody knows what became of these. */
  readonly onUncertain: (client: Client, stanzas: readonly Unacked[]) => void
  readonly onStanza: (client: Client, found: Found) => void
}

/** What all clients of a worker share. */
export interface ClientWorld {
  readonly connection: Connection
  readonly domain: string
  readonly endpoints: readonly Endpoint[]
  readonly numbers: NumberedText
  readonly shared: Buffer
  readonly nonce: () => string
  readonly now: () => number
  readonly events: ClientEvents
}

/** Time a sign-in may take. Units: ms. */
export const signInTimeoutMs = 60_000

/** Stanzas after which an acknowledgement is asked for at once; the worker asks every second for the rest. */
const requestAfter = 10

const letter = { message: 0x6d, presence: 0x70, iq: 0x69, request: 0x72, answer: 0x61 } as const

/** One user's client: a connection at a time, and a session that may outlive it. */
export class Client {
  readonly account: Account
  readonly #world: ClientWorld
  state: 'down' | 'signingIn' | 'up' = 'down'
  /** Whether it is down on purpose. */
  isAway = true
  jid = ''
  /** When what is under way was meant to begin; when the last session began or went on. */
  intendedAt = 0
  backAt = 0
  isNew = false
  #link: Link | undefined
  #signIn: SignIn | undefined
  #keys: ClientKeys | undefined
  #token: FastToken | undefined
  #isSecure = false
  #timer: NodeJS.Timeout | undefined
  #scanner: Scanner | undefined
  #outbox: Outbox | undefined
  #smId = ''
  #isCounting = false
  #received = 0
  #asked = 0

  constructor(account: Account, world: ClientWorld) {
    this.account = account
    this.#world = world
  }

  /** Stanzas not acknowledged yet. */
  get unacked(): number {
    return this.#outbox?.length ?? 0
  }

  /** Connects and signs in, resuming where that may go. Units: ms. */
  connect(intendedAt: number): void {
    if (this.state !== 'down') return
    this.state = 'signingIn'
    this.isAway = false
    this.intendedAt = intendedAt
    const { connection, domain, endpoints, shared } = this.#world
    const { sourceAddresses, transport } = connection
    this.#isSecure = transport !== 'tcp' && transport !== 'starttls'
    const { index } = this.account
    const endpoint = endpoints[index % endpoints.length] ?? { host: '127.0.0.1', port: 5222 }
    const localAddress = sourceAddresses[index % Math.max(1, sourceAddresses.length)]
    const scanner = new Scanner({
      onHeader: () => {},
      onEnd: () => this.#lost('the server closed the stream'),
      onFault: (text) => this.#lost(text),
      onStanza: (found) => this.#take(found),
    })
    this.#scanner = scanner
    this.#timer = setTimeout(() => this.#lost(`no sign-in within ${signInTimeoutMs / 1_000} s`), signInTimeoutMs)
    const link: Link = openLink(
      { transport, endpoint, domain, localAddress, shared },
      {
        onOpen: () => this.#link === link && this.#open(),
        onData: (bytes) => this.#link === link && scanner.push(bytes),
        onClose: (reason) => this.#link === link && this.#lost(reason),
      },
    )
    this.#link = link
    this.#signIn = this.#startSignIn()
  }

  /** Sends a stanza; `number` is that of a numbered message. Units: ms. */
  send(text: string, number = -1, intendedAt = 0): void {
    const whole = framed(this.#world.connection.transport, text)
    if (!this.#isCounting) return void this.#link?.write(whole)
    this.#outbox?.push({ text: whole, number, intendedAt })
    if (this.unacked > maxUnacked) {
      this.#lost(`${maxUnacked} stanzas without an acknowledgement`)
      return
    }
    if (++this.#asked < requestAfter) return void this.#link?.write(whole)
    this.#asked = 0
    this.#link?.write(this.#world.connection.transport === 'websocket' ? whole : `${whole}<r xmlns='urn:xmpp:sm:3'/>`)
    if (this.#world.connection.transport === 'websocket') this.#link?.write("<r xmlns='urn:xmpp:sm:3'/>")
  }

  /** Asks what the server has handled (XEP-0198 §4). */
  requestAck(): void {
    if (this.state !== 'up' || !this.#isCounting || this.unacked === 0) return
    this.#asked = 0
    this.#link?.write("<r xmlns='urn:xmpp:sm:3'/>")
  }

  /** The connection vanishes; the session may be resumed. */
  cut(): void {
    this.#detach()?.cut()
    this.isAway = true
  }

  /** Signs out: the session ends. */
  leave(): void {
    const isCounting = this.#isCounting
    const link = this.#detach()
    this.isAway = true
    if (link === undefined) return
    if (isCounting) link.write(`<a xmlns='urn:xmpp:sm:3' h='${this.#received}'/>`)
    link.end()
    this.#forget()
  }

  #open(): void {
    this.#scanner?.reset()
    const { connection, domain } = this.#world
    // XEP-0484 §4.1: on a secure stream the client says who it is; RFC 6120 §4.7.1: not before.
    const from = connection.signIn === 'fast' && this.#isSecure ? `${this.account.name}@${domain}` : ''
    this.#link?.openStream(from)
  }

  #startSignIn(): SignIn {
    const { connection, nonce } = this.#world
    const { name, password } = this.account
    return new SignIn({
      connection,
      name,
      password,
      nonce: nonce(),
      client: clientId(this.account.index),
      keys: this.#keys,
      token: this.#token,
      isNew: this.isNew,
      resume: this.#smId === '' ? undefined : { id: this.#smId, h: this.#received },
      write: (text) => this.#link?.write(framed(connection.transport, text)),
      startTls: () => {
        this.#isSecure = true
        this.#link?.startTls()
      },
      restart: () => this.#open(),
      onKeys: (keys) => {
        this.#keys = keys
        this.isNew = false
      },
      onToken: (token) => {
        this.#token = token
      },
      onTokenUsed: () => this.#world.events.onToken(this, 'used'),
      onTokenRefused: () => {
        this.#token = undefined
        this.#world.events.onToken(this, 'refused')
      },
      onEnable: () => this.#enable(),
      onBound: (session) => this.#bound(session),
      onResumed: (h) => this.#resumed(h),
      onNotResumed: (h) => {
        if (h !== undefined) this.#acked(h)
        this.#world.events.onNotResumed(this)
        this.#forget()
      },
      onFailure: (reason) => this.#lost(reason),
    })
  }

  #enable(): void {
    this.#outbox = new Outbox()
    this.#isCounting = true
    this.#received = 0
    this.#asked = 0
  }

  #bound({ jid, smId, hasClientState, hasCarbons }: Bound): void {
    const { carbons, clientState } = this.#world.connection
    this.jid = jid
    this.#smId = smId
    this.isNew = false
    this.#signIn = undefined
    if (carbons && !hasCarbons) this.send("<iq type='set' id='carbons'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
    this.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>")
    // Its own presence comes back (RFC 6121 §4.2.2): then messages find this client, and it is up.
    this.send('<presence/>')
    if (clientState && hasClientState) this.#link?.write("<inactive xmlns='urn:xmpp:csi:0'/>")
  }

  #resumed(h: number): void {
    this.#signIn = undefined
    this.#isCounting = true
    this.#acked(h)
    for (const { text } of this.#outbox?.unacked() ?? []) this.#link?.write(text)
    this.#up('resumed')
  }

  #up(how: 'bound' | 'resumed'): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.state = 'up'
    this.backAt = this.#world.now()
    this.#world.events.onUp(this, how)
  }

  #take(found: Found): void {
    const { bytes, start } = found
    if (this.#link === undefined) return
    const second = bytes[start + 1]
    const third = bytes[start + 2]
    const isTag = third === 0x20 || third === 0x2f || third === 0x3e
    if (this.#signIn !== undefined) this.#signIn.take(bytes.toString('utf8', start, found.end))
    else if (second === letter.request && isTag) this.#link.write(`<a xmlns='urn:xmpp:sm:3' h='${this.#received}'/>`)
    else if (second === letter.answer && isTag) this.#acked(hOf(bytes.toString('latin1', start, found.end)))
    else if (second === letter.message || second === letter.presence || second === letter.iq) this.#stanza(found)
    else if (bytes.toString('latin1', start, start + 13) === '<stream:error') {
      this.#lost(`stream error ${conditionOf(bytes.toString('utf8', start, found.end))}`)
    }
  }

  #stanza(found: Found): void {
    if (this.#isCounting) this.#received = (this.#received + 1) % 2 ** 32
    const { bytes, start, tagEnd } = found
    if (this.state === 'signingIn' && bytes[start + 1] === letter.presence) {
      if (bytes.toString('utf8', start, tagEnd).includes(this.jid)) this.#up('bound')
    }
    this.#world.events.onStanza(this, found)
  }

  #acked(h: number): void {
    const done = this.#outbox?.acked(h)
    if (done === undefined) return
    if (done.length > 0) this.#world.events.onAcked(this, done)
  }

  /** The connection ended by the server's or the network's will. */
  #lost(reason: string): void {
    if (this.#link === undefined) return
    const wasUp = this.state === 'up'
    this.#detach()?.cut()
    if (wasUp) this.#world.events.onDown(this, reason)
    else this.#world.events.onFailure(this, reason)
  }

  #detach(): Link | undefined {
    const link = this.#link
    clearTimeout(this.#timer)
    this.#link = undefined
    this.#signIn = undefined
    this.#scanner = undefined
    this.#isCounting = false
    this.state = 'down'
    return link
  }

  #forget(): void {
    this.#smId = ''
    this.#received = 0
    this.#isCounting = false
    const left = this.#outbox?.forget() ?? []
    if (left.length > 0) this.#world.events.onUncertain(this, left)
  }
}

function hOf(text: string): number {
  return Number(/\sh=['"](\d+)['"]/.exec(text)?.[1] ?? 0)
}
