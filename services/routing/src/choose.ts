import { isFull, resourcepartOf } from '@starling/jid'
import type { Stanza } from '@starling/stanza'
import { type RoutedSession, takesMessages } from './account.ts'

/** What becomes of a stanza for an account. */
export type Choice =
  | { readonly fate: 'deliver'; readonly resources: readonly string[] }
  /** Nobody is there now: kept for later. */
  | { readonly fate: 'offline' }
  /** Answered with service-unavailable. */
  | { readonly fate: 'bounce' }
  | { readonly fate: 'ignore' }

const ignore: Choice = { fate: 'ignore' }
const bounce: Choice = { fate: 'bounce' }

/**
 * Chooses the resources of an account that a stanza goes to.
 * Source: RFC 6121 §8.5.2 and §8.5.3, with the table of §8.5.4. Where the RFC leaves a choice: chat and normal messages go to
 * every resource of the highest non-negative priority, and what cannot be delivered is answered rather than ignored.
 */
export function choose(stanza: Stanza, to: string, sessions: ReadonlyMap<string, RoutedSession>): Choice {
  if (to !== '' && isFull(to as Parameters<typeof isFull>[0])) {
    const resource = resourcepartOf(to as Parameters<typeof resourcepartOf>[0])
    // RFC 6121 §8.5.3.1: a connected resource that matches exactly gets it, available or not
    if (sessions.has(resource)) return { fate: 'deliver', resources: [resource] }
    return withoutMatch(stanza, sessions)
  }
  return forBare(stanza, sessions)
}

/** RFC 6121 §8.5.3.2: no resource matches the full JID. */
function withoutMatch(stanza: Stanza, sessions: ReadonlyMap<string, RoutedSession>): Choice {
  switch (stanza.kind) {
    case 'message':
      // §8.5.3.2.1: a chat message is handled as if sent to the bare JID
      if (stanza.type === 'chat') return forBare(stanza, sessions)
      return stanza.type === 'error' || stanza.type === 'headline' ? ignore : bounce
    case 'presence':
      return ignore // §8.5.3.2.2
    case 'iq':
      return stanza.type === 'get' || stanza.type === 'set' ? bounce : ignore // §8.5.3.2.3
    default:
      return stanza.kind satisfies never
  }
}

/** RFC 6121 §8.5.2: addressed to the bare JID. */
function forBare(stanza: Stanza, sessions: ReadonlyMap<string, RoutedSession>): Choice {
  switch (stanza.kind) {
    case 'message':
      return messageForBare(stanza.type, sessions)
    case 'presence': {
      // §8.5.2.1.2: all available resources, whatever their priority
      const resources = [...sessions].filter(([, session]) => session.isAvailable).map(([resource]) => resource)
      return resources.length === 0 ? ignore : { fate: 'deliver', resources }
    }
    case 'iq':
      return stanza.type === 'get' || stanza.type === 'set' ? bounce : ignore // the session stage answers these (§8.5.2.1.3)
    default:
      return stanza.kind satisfies never
  }
}

function messageForBare(type: string, sessions: ReadonlyMap<string, RoutedSession>): Choice {
  const ready = [...sessions].filter(([, session]) => takesMessages(session))
  switch (type) {
    case 'error':
      return ignore // §8.5.2.1.1
    case 'groupchat':
      return bounce // §8.5.2.1.1: MUST NOT be delivered
    case 'headline':
      return ready.length === 0 ? ignore : { fate: 'deliver', resources: ready.map(([resource]) => resource) }
    default: {
      if (ready.length === 0) return { fate: 'offline' } // §8.5.2.2.1
      const highest = Math.max(...ready.map(([, session]) => session.priority))
      return {
        fate: 'deliver',
        resources: ready.filter(([, session]) => session.priority === highest).map(([resource]) => resource),
      }
    }
  }
}
