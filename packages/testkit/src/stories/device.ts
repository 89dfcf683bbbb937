import { setTimeout as sleep } from 'node:timers/promises'
import { client, type XmppClient, type XmppElement, xml } from '@xmpp/client'

/** How a device reaches the server. */
export type Transport = 'tcp' | 'websocket'

/** Where a server under test listens. */
export interface Reach {
  readonly domain: string
  readonly c2s: number
  readonly http: number
}

/** One device of a story: @xmpp/client, which others wrote, with what it received kept until it is asked for. */
export interface Device {
  readonly jid: string
  readonly bare: string
  readonly xmpp: XmppClient
  readonly send: (element: XmppElement) => Promise<void>
  /** An IQ that must be answered with a result; its payload, if any. */
  readonly request: (type: 'get' | 'set', payload: XmppElement, to?: string) => Promise<XmppElement>
  /** Goes available. */
  readonly available: (priority?: number) => Promise<void>
  readonly message: (to: string, body: string, more?: Record<string, string>) => Promise<void>
  /** The next stanza received that matches, waiting for it; others stay for later. Errors: rejects after some seconds. */
  readonly next: (what: string, matches: (stanza: XmppElement) => boolean) => Promise<XmppElement>
  /** The body of the next message that has one, with `from`. */
  readonly nextBody: () => Promise<{ readonly body: string; readonly from: string; readonly stanza: XmppElement }>
  /** Everything received and not yet asked for. */
  readonly unread: () => readonly XmppElement[]
  readonly close: () => Promise<void>
}

/** A session that another connection began. */
export interface FormerSession {
  readonly jid: string
  readonly id: string
  /** Units: stanzas handled. */
  readonly inbound: number
}

/** Units: ms a story waits for what must come; generous, since machines that run tests are busy. */
export const patienceMs = 30_000

/** The address of a server as @xmpp/client wants it. */
export function serviceOf(reach: Reach, transport: Transport = 'tcp'): string {
  return transport === 'websocket' ? `ws://127.0.0.1:${reach.http}/xmpp-websocket` : `xmpp://127.0.0.1:${reach.c2s}`
}

/** Connects and signs in a device. Errors: rejects when the server refuses it. */
export async function connect(
  reach: Reach,
  account: {
    readonly username: string
    readonly password: string
    readonly resource?: string
    readonly transport?: Transport
    /** Namespaces of stream features that this client does not know. */
    readonly ignores?: readonly string[]
    /** To go on with, if the server lets it; else it gets a session of its own. */
    readonly session?: FormerSession
  },
): Promise<Device> {
  const { username, password, resource, session } = account
  const service = serviceOf(reach, account.transport)
  const xmpp = client({
    service,
    domain: reach.domain,
    username,
    password,
    ...(resource === undefined ? {} : { resource }),
  })
  xmpp.reconnect.stop()
  ignoreLateData(xmpp)
  ignoreFeatures(xmpp, account.ignores ?? [])
  xmpp.timeout = patienceMs // its own two seconds are short when several devices derive keys in one thread
  const kept: XmppElement[] = []
  const waiting = new Set<() => void>()
  let failure: Error | undefined
  xmpp.on('error', (error: Error & { readonly code?: string }) => {
    if (isLateWrite(error)) return
    failure = error
    for (const wake of waiting) wake()
  })
  xmpp.on('stanza', (stanza: XmppElement) => {
    kept.push(stanza)
    for (const wake of waiting) wake()
  })
  if (session !== undefined) take(xmpp, session)
  const jid = await signIn(xmpp, service, { domain: reach.domain, resumed: session?.jid })
  if (account.ignores?.includes('urn:xmpp:sm:3') !== true) await managesStream(xmpp)
  const bare = jid.slice(0, jid.indexOf('/'))

  const next: Device['next'] = (what, matches) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => end(new Error(`${jid} waited in vain for ${what}; it has ${kept.join(' ') || 'nothing'}`)),
        patienceMs,
      )
      const look = (): void => {
        const index = kept.findIndex(matches)
        const [found] = index < 0 ? [] : kept.splice(index, 1)
        if (found !== undefined) end(found)
        else if (failure !== undefined) end(failure)
      }
      const end = (result: XmppElement | Error): void => {
        clearTimeout(timer)
        waiting.delete(look)
        if (result instanceof Error) reject(result)
        else resolve(result)
      }
      waiting.add(look)
      look()
    })

  return {
    jid,
    bare,
    xmpp,
    next,
    send: (element) => xmpp.send(element),
    request: (type, payload, to) =>
      xmpp.iqCaller.request(xml('iq', { type, ...(to === undefined ? {} : { to }) }, payload), patienceMs),
    available: async (priority) => {
      await xmpp.send(xml('presence', {}, ...(priority === undefined ? [] : [xml('priority', {}, String(priority))])))
      // RFC 6121 §4.2.2: the user's own resources get it too; then it is in force
      await next(
        'its own presence',
        (stanza) => stanza.is('presence') && stanza.attrs['from'] === jid && stanza.attrs['type'] === undefined,
      )
    },
    message: (to, body, more = {}) => xmpp.send(xml('message', { type: 'chat', to, ...more }, xml('body', {}, body))),
    nextBody: async () => {
      const stanza = await next('a message', (one) => one.is('message') && one.getChild('body') !== undefined)
      return { stanza, body: stanza.getChildText('body') ?? '', from: stanza.attrs['from'] ?? '' }
    },
    unread: () => kept,
    close: async () => {
      await xmpp.stop()
    },
  }
}

/** Makes a client believe that it began a session itself, and that the server has all that it sent. */
function take(xmpp: XmppClient, { id, inbound }: FormerSession): void {
  Object.assign(xmpp.streamManagement, { id, inbound, outbound: Number.MAX_SAFE_INTEGER })
}

/** Units: ms that a server has to enable stream management. */
const enableMs = 5_000

/**
 * Resolves once a client manages its stream. Signing in the older way, @xmpp/client says that it is online before that, and
 * begins its count anew a moment after `<enabled/>` came: what came in the same piece is then not counted, and comes again after a
 * resume. So nothing may be asked for until here. A server without stream management is waited for in vain, for a while.
 */
export async function managesStream(xmpp: XmppClient): Promise<void> {
  const end = performance.now() + enableMs
  while (!xmpp.streamManagement.enabled && xmpp.status === 'online' && performance.now() < end) await sleep(2)
}

/** Whether an error is the client's own: it answered, or acknowledged, into a connection that had ended. */
export function isLateWrite({ code = '' }: { readonly code?: string }): boolean {
  return ['ERR_STREAM_WRITE_AFTER_END', 'ERR_STREAM_DESTROYED', 'EPIPE'].includes(code)
}

/** Keeps @xmpp/client from throwing where nobody listens, when a server says something more after the end of its stream. */
export function ignoreLateData(xmpp: XmppClient): void {
  const take = xmpp._onData.bind(xmpp)
  xmpp._onData = (data) => {
    if (xmpp.parser !== null) take(data)
  }
}

/** Makes a client blind for features it could use: takes them out of what the server offers, inline ones too. */
export function ignoreFeatures(xmpp: XmppClient, namespaces: readonly string[]): void {
  if (namespaces.length === 0) return
  const take = xmpp._onElement.bind(xmpp)
  xmpp._onElement = (element) => {
    if (element.is('features', 'http://etherx.jabber.org/streams')) strip(element, new Set(namespaces))
    take(element)
  }
}

function strip(element: XmppElement, namespaces: ReadonlySet<string>): void {
  element.children = element.children.filter((child) => {
    if (typeof child === 'string') return true
    if (namespaces.has(child.attrs['xmlns'] ?? '') || namespaces.has(child.attrs['var'] ?? '')) return false
    strip(child, namespaces)
    return true
  })
}

/** Units: ms that the reason of a refusal gets to show after the stream has ended. */
const reasonMs = 500

/**
 * Signs in, step by step: `start` of @xmpp/client leaves a rejection nobody hears when a socket breaks early, and waits for
 * ever when a stream ends without a word. Errors: rejects with the server's reason where it gave one.
 */
async function signIn(
  xmpp: XmppClient,
  service: string,
  { domain, resumed = '' }: { readonly domain: string; readonly resumed?: string | undefined },
): Promise<string> {
  let giveUp: NodeJS.Timeout | undefined
  const online = new Promise<string>((resolve, reject) => {
    const later = (ms: number, why: string): void => {
      clearTimeout(giveUp)
      giveUp = setTimeout(() => reject(new Error(why)), ms)
    }
    later(patienceMs, 'signing in takes too long')
    let isSigningIn = true
    const end = (): void => {
      isSigningIn = false
    }
    xmpp.on('disconnect', () => {
      if (isSigningIn) later(reasonMs, 'the stream ended before anybody signed in')
    })
    xmpp.on('error', (error: Error) => {
      end()
      reject(error)
    })
    xmpp.on('online', (jid: { toString(): string }) => {
      end()
      resolve(jid.toString())
    })
    // a resumption is no 'online' to it
    xmpp.streamManagement.on('resumed', () => {
      end()
      resolve(resumed)
    })
  })
  const opened = (async () => {
    await xmpp.connect(service)
    await xmpp.open({ domain })
  })()
  try {
    // `open` does not notice that the socket has ended before the server's header came: whichever tells first
    await Promise.race([opened, online])
    return await online
  } catch (error) {
    xmpp.stop().catch(() => undefined)
    throw error
  } finally {
    clearTimeout(giveUp)
  }
}
