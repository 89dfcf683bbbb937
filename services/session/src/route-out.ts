import { bareOf, domainpartOf, isBare, localpartOf } from '@starling/jid'
import { isRequest, type Stanza, type StanzaError, stanzaError } from '@starling/stanza'
import { isSubscription } from './subscription-table.ts'
import { deliver, type Turn, tellAccount } from './turn.ts'

/** Where an address lies: nowhere, at a domain that is served here, or elsewhere. */
export type Area = 'none' | 'domain' | 'account' | 'resource' | 'remote'

/** Says where an address lies. */
export function areaOf(to: Stanza['to'], isServed: (domain: string) => boolean): Area {
  if (to === '') return 'none'
  if (!isServed(domainpartOf(to))) return 'remote'
  if (localpartOf(to) === '') return 'domain'
  return isBare(to) ? 'account' : 'resource'
}

/**
 * Sends a stanza on its way by its `to`.
 * Source: RFC 6120 §10; RFC 6121 §8.
 * Errors: the stanza error for an address that nobody serves (federation comes with its own issue).
 */
export function routeOut(turn: Turn, stanza: Stanza): StanzaError | undefined {
  const area = areaOf(stanza.to, turn.ports.isServed)
  switch (area) {
    case 'none':
    case 'domain':
      return undefined
    case 'remote':
      return stanzaError('remote-server-not-found') // RFC 6120 §10.4.1
    case 'account':
    case 'resource':
      if (stanza.to === '') return undefined
      if (isForAccount(stanza, area)) tellAccount(turn, bareOf(stanza.to), stanza)
      else if (stanza.kind !== 'iq' || area === 'resource') deliver(turn, bareOf(stanza.to), stanza)
      return undefined
    default:
      return area satisfies never
  }
}

/** Whether a stanza concerns the account rather than a resource: its session stage answers. */
function isForAccount(stanza: Stanza, area: 'account' | 'resource'): boolean {
  if (stanza.kind === 'presence') return isSubscription(stanza.type) || stanza.type === 'probe'
  return area === 'account' && isRequest(stanza) // RFC 6121 §8.5.2.1.3
}
