import { defineModule, type Handler, pass, refuse, stop } from '@starling/core'
import { hasPayload, ns, type Stanza, stanzaError } from '@starling/stanza'
import { hasHint } from './shared/hints.ts'

/**
 * Says which messages wait for an account that is away.
 * Source: XEP-0160 §3; RFC 6121 §8.5.2.2.1; XEP-0334 §4.
 */
export const offlineMessages = defineModule({
  spec: { id: 'XEP-0160', name: 'Best Practices for Handling Offline Messages', version: '1.0.1', status: 'complete' },
  name: 'offlineMessages',
  features: [ns.offline],
  on: { 'routing.offline': { guard: keepOrNot() } },
})

function keepOrNot(): Handler<'routing.offline'> {
  return (stanza) => {
    switch (stanza.type) {
      case 'error':
        return stop() // RFC 6121 §8.5.2.2.1: silently ignored
      case 'groupchat':
        return refuse(stanzaError('service-unavailable')) // RFC 6121 §8.5.2.2.1
      case 'headline':
        return hasHint(stanza, 'store') ? pass() : stop() // XEP-0334 §4.4; XEP-0160 §3
      default:
        return keepConversation(stanza)
    }
  }
}

function keepConversation(stanza: Stanza): ReturnType<Handler<'routing.offline'>> {
  if (hasHint(stanza, 'no-store')) {
    // XEP-0334 §4.2; RFC 6121 §8.5.2.2.1: what is not stored is answered, if it said something
    return hasPayload(stanza, ns.client, 'body') ? refuse(stanzaError('service-unavailable')) : stop()
  }
  return hasHint(stanza, 'store') || saysSomething(stanza) ? pass() : stop() // XEP-0160 §3
}

const beside: ReadonlySet<string> = new Set([ns.chatStates, ns.hints, ns.sid, ns.delay])

/** Whether a message holds more than chat states, and than what only describes a message. Source: XEP-0160 §3. */
function saysSomething(stanza: Stanza): boolean {
  return stanza.payloads.some((payload) => {
    const namespace = payload.slice(1, payload.lastIndexOf('}'))
    return !beside.has(namespace) && payload !== `{${ns.client}}thread`
  })
}
