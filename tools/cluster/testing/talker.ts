import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Device, type Reach } from '@starling/testkit'
import type { XmppElement } from '@xmpp/client'

/** One numbered message: `n` counts from 1 in each stream of its sender. */
export interface Said {
  readonly by: string
  readonly stream: number
  readonly n: number
}

/** A message as it came. */
export interface Heard extends Said {
  /** The receiver's stream, counted from 1. */
  readonly heardIn: number
  /** Whether it says that it was kept meanwhile. Source: XEP-0203. */
  readonly isDelayed: boolean
}

/** One stream of a talker's life. */
export interface Stream {
  sent: number
  /** For each message by its number less one: the stream in which the other was available when it was sent, or 0. */
  readonly sentTo: number[]
  /** Why it ended: the condition of a stream error, or `closed`; undefined while it is open. */
  ended: string | undefined
}

/** Units: ms between two tries to sign in. */
const againMs = 400

/** A device that comes back whenever its stream ends, and remembers what it said and heard. */
export class Talker {
  readonly streams: Stream[] = []
  readonly heard: Heard[] = []
  /** Conditions of sign-ins that were refused. */
  readonly refusals: string[] = []
  /** Full JIDs from which `unavailable` came. */
  readonly gone: string[] = []
  device: Device | undefined
  /** The stream in which it is available, counted from 1; 0 when it is not. */
  availableIn = 0
  /** Where its newest stream is. */
  reach: Reach | undefined
  readonly username: string
  readonly #reaches: readonly Reach[]
  readonly #password: string
  #isClosed = false

  constructor(username: string, password: string, reaches: readonly Reach[]) {
    this.username = username
    this.#password = password
    this.#reaches = reaches
  }

  get stream(): number {
    return this.streams.length
  }

  get current(): Stream | undefined {
    return this.device === undefined ? undefined : this.streams.at(-1)
  }

  /** Signs in, trying every address in turn until one takes it, and goes available. */
  async comeOnline(): Promise<void> {
    for (let tries = 0; !this.#isClosed; tries++) {
      const reach = this.#reaches[tries % this.#reaches.length]
      if (reach === undefined) throw new Error('nowhere to connect to')
      try {
        // without stream management: tools/faults has clients that resume
        const ignores = ['urn:xmpp:sm:3']
        const device = await connect(reach, { username: this.username, password: this.#password, ignores })
        this.reach = reach
        await this.#begin(device)
        return
      } catch (error) {
        const { condition, message } = error as { readonly condition?: string; readonly message?: string }
        this.refusals.push(condition ?? message ?? String(error))
        await sleep(againMs)
      }
    }
  }

  /** Says the next number to the other, if online. */
  say(other: Talker): void {
    const { device, current } = this
    if (device === undefined || current === undefined) return
    current.sentTo.push(other.availableIn)
    current.sent++
    const body = `${this.username}.${this.stream}.${current.sent}`
    device.message(`${other.username}@${device.bare.split('@')[1]}`, body).catch(() => undefined) // its stream has ended
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.device?.close().catch(() => undefined)
  }

  async #begin(device: Device): Promise<void> {
    const stream: Stream = { sent: 0, sentTo: [], ended: undefined }
    this.streams.push(stream)
    const mine = this.streams.length
    for (const stanza of device.unread()) this.#take(stanza, mine)
    device.xmpp.on('stanza', (stanza: XmppElement) => this.#take(stanza, mine))
    let condition = 'closed'
    device.xmpp.on('error', (error: { readonly condition?: string }) => {
      condition = error.condition ?? condition
    })
    const end = (): void => {
      if (stream.ended !== undefined) return
      stream.ended = condition
      if (this.device === device) {
        this.device = undefined
        this.availableIn = 0
      }
      if (!this.#isClosed) void this.comeOnline()
    }
    device.xmpp.on('disconnect', end)
    device.xmpp.on('offline', end)
    this.device = device
    const isAvailable = await device.available().then(
      () => true,
      () => false, // the end of a stream tells itself
    )
    if (isAvailable && this.device === device) this.availableIn = mine
  }

  #take(stanza: XmppElement, heardIn: number): void {
    if (stanza.is('presence') && stanza.attrs['type'] === 'unavailable') this.gone.push(stanza.attrs['from'] ?? '')
    if (!stanza.is('message') || stanza.attrs['type'] === 'error') return
    const said = readSaid(stanza.getChildText('body') ?? '')
    if (said === undefined) return
    this.heard.push({ ...said, heardIn, isDelayed: stanza.getChild('delay', 'urn:xmpp:delay') !== undefined })
  }
}

/** Reads a body that a talker wrote. */
export function readSaid(body: string): Said | undefined {
  const [by, stream, n] = body.split('.')
  return by === undefined || n === undefined ? undefined : { by, stream: Number(stream), n: Number(n) }
}
