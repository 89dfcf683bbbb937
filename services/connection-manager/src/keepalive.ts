import { domainOf } from '@starling/core'
import { ns } from '@starling/stanza'
import { escapeXml, type GateEvent } from '@starling/xml'
import type { Connection } from './connection.ts'
import { limits, orNone } from './limits.ts'
import type { Pod } from './pod.ts'
import { reassertForgotten } from './reassert.ts'
import { request } from './sm-shell.ts'
import type { SmSide } from './sm-side.ts'
import { WebSocketLink } from './websocket-link.ts'

/** Units: ms between two looks at all connections: how late a deadline may be seen. */
export const sweepMs = 1_000

/** Looks once at every connection: deadlines, elements that never end, clients that do not answer. */
export function sweep(pod: Pod, nowMs: number): void {
  const look = Math.floor(nowMs / sweepMs)
  const isRollDoubtful = pod.roll.mayHaveLost()
  for (const connection of pod.connections.values()) {
    checkTime(connection, nowMs)
    connection.link?.look?.()
    if (isRollDoubtful || (connection.id + look) % limits.rollRenewLooks === 0) renewInRoll(connection)
  }
  reassertForgotten(pod)
  pod.drops.retry()
  pod.roll.retry()
}

/** Writes a session into the roll again, also one that is asked for only now: the log may hold its request already. */
function renewInRoll({ pod, account, target, isEnded }: Connection): void {
  if (!isEnded && account !== undefined && target !== undefined) pod.roll.renew(target, account)
}

function checkTime(connection: Connection, nowMs: number): void {
  if (connection.state.phase.kind === 'lookingUp') {
    // Who waits for a turn or for storage is not late by its own fault; afterwards it has time to answer
    const leastMs = nowMs + connection.pod.io.settings.c2s.unauthenticatedTimeoutMs / 2
    connection.deadlineMs = Math.max(connection.deadlineMs, leastMs)
  }
  if (nowMs >= connection.deadlineMs) {
    passDeadline(connection)
    return
  }
  // What we do not read cannot be late.
  if (connection.isEnded || connection.isPaused) return
  if (isPartialTooLong(connection, nowMs)) {
    connection.fail({ condition: 'connection-timeout', text: 'an element took too long' }, 'timeout')
  } else if (connection.isBound) checkLife(connection, nowMs)
}

function passDeadline(connection: Connection): void {
  if (connection.isEnded) connection.link?.destroy()
  else if (connection.state.phase.kind === 'binding' || connection.state.phase.kind === 'resuming') {
    connection.fail({ condition: 'internal-server-error', text: 'no answer to the resource binding' }, 'timeout')
  } else if (connection.state.phase.kind === 'securing' || !connection.state.isOpened) {
    // Nobody to talk to: the handshake or the header never came.
    connection.finish('timeout', [])
    connection.link?.destroy()
  } else connection.fail({ condition: 'connection-timeout', text: 'sign in sooner' }, 'timeout') // RFC 6120 §4.9.3.4
}

/** A slow loris: one element, a byte at a time. */
function isPartialTooLong(connection: Connection, nowMs: number): boolean {
  if (!connection.intake.isPartial) {
    connection.partialSinceMs = 0
    return false
  }
  if (connection.partialSinceMs === 0) connection.partialSinceMs = nowMs
  return nowMs - connection.partialSinceMs >= limits.partialTimeoutMs
}

/** Source: RFC 6120 §4.6.4 (a peer that is silent is asked), XEP-0199 §4.1. */
function checkLife(connection: Connection, nowMs: number): void {
  const { pingAfterMs, pingTimeoutMs } = connection.pod.io.settings.c2s
  if (connection.sm !== undefined) {
    checkAcks(connection, connection.sm, nowMs)
    return
  }
  if (connection.pingSentMs > 0) {
    if (pingTimeoutMs > 0 && nowMs - connection.pingSentMs >= pingTimeoutMs) {
      connection.fail({ condition: 'connection-timeout', text: 'no answer to a ping' }, 'timeout')
    }
    return
  }
  if (pingAfterMs === 0 || nowMs - connection.lastReadMs < pingAfterMs) return
  connection.pingSentMs = nowMs
  const { link } = connection
  if (link instanceof WebSocketLink) link.ping()
  else sendPing(connection)
}

/** With stream management the request for an acknowledgement is the ping. Source: XEP-0198 §4. */
function checkAcks(connection: Connection, sm: SmSide, nowMs: number): void {
  const { c2s, sm: settings } = connection.pod.io.settings
  if (!sm.isOn) return
  if (sm.requestedMs > 0) {
    if (nowMs - sm.requestedMs >= orNone(settings.ackTimeoutMs)) {
      connection.fail({ condition: 'connection-timeout', text: 'no acknowledgement' }, 'timeout')
    }
  } else if (nowMs - connection.lastReadMs >= orNone(c2s.pingAfterMs)) request(connection, sm)
}

/** The answer to our own ping is nobody else's. Source: XEP-0199 §4.1. */
export function isPingAnswer(connection: Connection, event: GateEvent): boolean {
  if (connection.pingId === undefined || event.kind !== 'element' || event.element.name !== 'iq') return false
  const { id, type } = event.element.attributes
  if (id !== connection.pingId || (type !== 'result' && type !== 'error')) return false
  connection.pingId = undefined
  return true
}

function sendPing(connection: Connection): void {
  const { phase } = connection.state
  if (phase.kind !== 'bound') return
  const { io } = connection.pod
  const id = `ping-${Buffer.from(io.random(6)).toString('hex')}`
  connection.pingId = id
  const attributes = `id='${id}' from='${escapeXml(domainOf(phase.account))}' to='${escapeXml(phase.jid)}'`
  connection.sendStanza(Buffer.from(`<iq type='get' ${attributes}><ping xmlns='${ns.ping}'/></iq>`))
}
