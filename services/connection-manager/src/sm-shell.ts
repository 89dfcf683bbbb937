import { ns } from '@starling/stanza'
import type { Cause, SignalHead } from '@starling/wire'
import type { Connection } from './connection.ts'
import { orNone } from './limits.ts'
import { SmSide } from './sm-side.ts'

const requestText = `<r xmlns='${ns.sm}'/>`

/** The acknowledgement that a stream may have now. Source: XEP-0198 §4. */
export function ackText(sm: SmSide): string {
  return `<a xmlns='${ns.sm}' h='${sm.h}'/>`
}

/**
 * What goes before the end of a stream: how much is durable, so that a client that cannot resume need not send it again (R1).
 * Source: XEP-0198 §4: an <a/> may be sent at any time.
 */
export function lastWords({ sm, pod }: Connection): readonly string[] {
  return sm?.isOn === true && pod.io.inbox.isLeased() ? [ackText(sm)] : []
}

/** Stanzas of the client count from here on. Source: XEP-0198 §4: at the point that it is requested to be enabled. */
export function beginSm(connection: Connection): SmSide {
  const { ordinal } = connection
  // An answer to a ping would be counted by the client from here on, and by the session stage too
  connection.pingId = undefined
  return new SmSide({ base: ordinal, durable: ordinal, acked: 0, slack: 0 })
}

/** The counts of a former session go on. Source: XEP-0198 §5. */
export function resumeSm(connection: Connection, head: Extract<SignalHead, { readonly signal: 'resumed' }>): SmSide {
  const { ordinal, count, acked, smId } = head
  const slack = connection.pod.io.settings.sm.maxUnackedStanzas
  const sm = new SmSide({ base: ordinal - count, durable: ordinal, acked, slack })
  sm.id = smId
  sm.maxSeconds = head.maxSeconds
  return sm
}

/** Writes a delivery if it is the next one; returns false when it must not be written (R4). */
export function isNextDelivery(
  connection: Connection,
  sm: SmSide,
  { ordinal, cause }: { readonly ordinal: number | undefined; readonly cause: Cause | undefined },
): boolean {
  const { meters } = connection.pod
  if (ordinal === undefined) {
    // Nothing countable may reach the client another way
    meters.smFaults.add(1, { fault: 'uncounted' })
    return false
  }
  switch (sm.place(ordinal, cause)) {
    case 'next':
      return true
    case 'known':
      meters.smFaults.add(1, { fault: 'repeated' })
      return false
    case 'other':
      // R11: what the client counts and what is counted for it are two things from here on
      meters.smFaults.add(1, { fault: 'renumbered' })
      connection.fail({ condition: 'reset', text: 'the session is not what it was: sign in anew' }, 'renumbered')
      return false
    case 'gap':
      meters.smFaults.add(1, { fault: 'gap' })
      connection.fail({ condition: 'undefined-condition', text: 'a delivery is missing: resume' }, 'gap')
      return false
    default:
      return false
  }
}

/** After a delivery was written: asks for an acknowledgement now, or later, or says that too many are missing. */
export function watchUnacked(connection: Connection, sm: SmSide): void {
  const { io, requests, meters } = connection.pod
  const { maxUnackedStanzas, requestAfterStanzas } = io.settings.sm
  if (sm.isOver(orNone(maxUnackedStanzas))) {
    meters.refused.add(1, { limit: 'maxUnackedStanzas' })
    connection.fail({ condition: 'policy-violation', text: 'too much unacknowledged' }, 'unacked')
    return
  }
  if (sm.requestedMs > 0) return
  if (sm.unacked >= orNone(requestAfterStanzas)) request(connection, sm)
  else if (!sm.isDue) {
    sm.isDue = true
    requests.add(connection)
  }
}

/** Asks for an acknowledgement. Source: XEP-0198 §4. */
export function request(connection: Connection, sm: SmSide): void {
  sm.requestedMs = connection.pod.io.monotonic()
  connection.write(requestText)
}

/** Takes the client's acknowledgement. Source: XEP-0198 §4. */
export function takeAck(connection: Connection, sm: SmSide, h: number): void {
  const { pod, account } = connection
  const handled = sm.handled(h)
  switch (handled) {
    case 'tooHigh':
      connection.dispatch({ kind: 'signal', head: { signal: 'handledTooHigh', h, sent: sm.sentH } })
      return
    case 'more':
      if (account !== undefined) pod.trims.add({ account, queue: sm.id, ordinal: sm.acked })
      if (sm.unacked > 0) watchUnacked(connection, sm)
      return
    case 'same': // asked for again in a while: a client that handles slowly is not pressed
      if (sm.unacked > 0 && !sm.isDue) {
        sm.isDue = true
        pod.requests.add(connection)
      }
      return
    default:
      handled satisfies never
  }
}
