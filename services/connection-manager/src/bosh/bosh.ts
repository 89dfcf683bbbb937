import type { IncomingMessage, ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { NameTable } from '@starling/xml'
import { Connection } from '../connection.ts'
import { sweepMs } from '../keepalive.ts'
import { addressKey, gateLimitsAfter, limits, stanzaBytes } from '../limits.ts'
import { admitAddress, type Pod, releaseAddress } from '../pod.ts'
import { type Body, readBody } from './body.ts'
import { endBytes } from './body-text.ts'
import { BoshLink } from './bosh-link.ts'
import { answerOther, type Exchange, isContentType, readAll, respond } from './exchange.ts'
import type { Terms } from './window.ts'

/** Path of BOSH, part of the outside contract. */
export const boshPath = '/http-bind'

const ourMinor = 11
const sidBytes = 20 // XEP-0124 §18.3: nobody guesses it

/** What sessions share. */
interface Sessions {
  readonly pod: Pod
  readonly names: NameTable
  readonly maxOutputBytes: number
  /** By their SID; one goes with its connection. */
  readonly links: Map<string, BoshLink>
}

/** Makes the handler of BOSH requests. Source: XEP-0124, XEP-0206. */
export function createBoshHandler(
  pod: Pod,
  ports: { readonly names: NameTable; readonly maxOutputBytes: number },
): (request: IncomingMessage, response: ServerResponse) => void {
  const sessions: Sessions = { pod, ...ports, links: new Map() }
  return (request, response) => {
    if (answerOther({ request, response })) return
    receive(sessions, { request, response }).catch((error: unknown) => {
      pod.meters.bugs.add()
      pod.io.logger.error({ what: 'connection-bug', error })
      response.destroy()
    })
  }
}

async function receive(sessions: Sessions, exchange: Exchange): Promise<void> {
  const { pod, names, links } = sessions
  const { maxStanzaBytes } = pod.io.settings.c2s
  const bytes = await readAll(exchange.request, stanzaBytes(maxStanzaBytes) * limits.boshStanzasPerBody)
  if (bytes === 'gone') return
  if (bytes === 'tooBig') {
    exchange.response.writeHead(413, { connection: 'close' }).end(() => exchange.request.destroy())
    return
  }
  const body = readBody(bytes, { limits: gateLimitsAfter(maxStanzaBytes), names })
  if (!body.ok) return respond(exchange.response, endBytes(body.error))
  if (body.value.sid === undefined) return begin(sessions, exchange, body.value)
  const link = links.get(body.value.sid)
  // XEP-0124 §10: as if there never was a session
  if (link === undefined) return respond(exchange.response, endBytes('item-not-found'))
  link.request(body.value, exchange.response)
}

/** A new session, when its turn comes: after the death of a pod thousands arrive at once. */
function begin(sessions: Sessions, exchange: Exchange, body: Body): undefined {
  const { pod } = sessions
  const { request, response } = exchange
  const key = addressKey(request.socket.remoteAddress)
  if (pod.phase() === 'draining') return respond(response, endBytes('system-shutdown'))
  if (!admitAddress(pod, key)) return respond(response, endBytes('policy-violation'))
  const leave = (): void => releaseAddress(pod, key)
  response.once('close', leave)
  const run = (): void => {
    response.removeListener('close', leave)
    open(sessions, exchange, body)
  }
  if (pod.arrivals.take({ run, isGone: () => response.destroyed })) return
  response.removeListener('close', leave)
  leave()
  pod.meters.refused.add(1, { limit: 'waitingSockets' })
  respond(response, endBytes('undefined-condition'))
}

function open({ pod, names, maxOutputBytes, links }: Sessions, { request, response }: Exchange, body: Body): void {
  const remoteAddress = request.socket.remoteAddress ?? 'unknown'
  const origin = { transport: 'bosh', remoteAddress, addressKey: addressKey(remoteAddress) } as const
  const sid = Buffer.from(pod.io.random(sidBytes)).toString('base64url')
  const { terms, greeting } = agree(body)
  const connection = new Connection(pod, origin, names)
  const link = new BoshLink(
    {
      sid,
      terms,
      greeting: { ...greeting, sid, from: pod.io.isServed(body.to ?? '') ? body.to : pod.io.domain },
      content: isContentType(body.content) ? body.content : undefined,
      isSecure: request.socket instanceof TLSSocket,
      maxOutputBytes,
      flushes: pod.flushes,
      monotonic: pod.io.monotonic,
      onGone: () => links.delete(sid),
    },
    connection,
    body.rid,
  )
  links.set(sid, link)
  connection.attach(link)
  link.request(body, response)
}

/** What holds for a session, and how it is told. Source: XEP-0124 §7.1, §7.2; XEP-0206 §3. */
function agree(body: Body): { readonly terms: Terms; readonly greeting: Record<string, string | number | undefined> } {
  const wait = Math.min(body.wait ?? limits.boshWaitSeconds, limits.boshWaitSeconds)
  const hold = Math.min(body.hold ?? limits.boshHold, limits.boshHold)
  const isPolling = wait === 0 || hold === 0
  const inactivity = isPolling ? limits.boshPollingInactivitySeconds : limits.boshInactivitySeconds
  return {
    terms: {
      waitMs: wait === 0 ? 0 : Math.max(wait * 1_000 - sweepMs, 1), // looked at once in sweepMs
      hold,
      requests: hold + 1,
      inactivityMs: inactivity * 1_000,
      pollingMs: limits.boshPollingSeconds * 1_000,
      pauseMs: limits.boshPauseSeconds * 1_000,
      acks: body.acks,
    },
    greeting: {
      wait,
      hold,
      requests: hold + 1,
      inactivity,
      polling: limits.boshPollingSeconds,
      maxpause: limits.boshPauseSeconds,
      ver: lowerVersion(body.version),
      ack: body.acks ? body.rid : undefined,
      'xmlns:xmpp': 'urn:xmpp:xbosh',
      'xmpp:version': '1.0',
      'xmpp:restartlogic': 'true',
    },
  }
}

/** The lower of what both speak: the minor number counts as a whole. Source: XEP-0124 §7.1. */
function lowerVersion(theirs: string | undefined): string {
  const [, major = '1', minor = ''] = /^(\d{1,3})\.(\d{1,3})$/.exec(theirs ?? '') ?? []
  return major === '1' && minor !== '' && Number(minor) < ourMinor ? `1.${minor}` : `1.${ourMinor}`
}
