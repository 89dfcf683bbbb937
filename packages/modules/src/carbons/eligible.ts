import { type BareJid, bareOf, isFull } from '@starling/jid'
import { elementOf, hasNamespace, hasPayload, ns, type Stanza } from '@starling/stanza'
import { hasHint } from '../shared/hints.ts'

/** Which side of the message an account is on. */
export type Direction = 'sent' | 'received'

/**
 * Whether a message is copied to an account's other resources.
 * Source: XEP-0280 §6.1, all of whose rules `urn:xmpp:carbons:rules:0` promises (§6.2); §9; §10.3.
 */
export function isEligible(stanza: Stanza, direction: Direction, account: BareJid): boolean {
  if (stanza.kind !== 'message') return false
  // §9: the sender wants no copies
  if (hasPayload(stanza, ns.carbons, 'private') || hasHint(stanza, 'no-copy')) return false
  switch (stanza.type) {
    case 'groupchat':
      return false // §6.1, rooms: SHOULD NOT
    case 'error':
      return isErrorOfEligible(stanza, account)
    case 'chat':
      return !(direction === 'received' && isFromOccupant(stanza))
    case 'normal':
      if (direction === 'received' && isFromOccupant(stanza)) return false
      return hasPayload(stanza, ns.client, 'body') || isImPayload(stanza) || isInvitation(stanza)
    default:
      return isImPayload(stanza) || isInvitation(stanza)
  }
}

/** §6.1: payloads typically used in IM. */
function isImPayload(stanza: Stanza): boolean {
  return hasNamespace(stanza, ns.receipts) || hasNamespace(stanza, ns.chatStates) || hasNamespace(stanza, ns.markers)
}

/** §6.1, rooms: a direct invitation, or one that a room mediates. */
function isInvitation(stanza: Stanza): boolean {
  if (hasPayload(stanza, ns.conference, 'x')) return true
  if (!hasPayload(stanza, ns.mucUser, 'x')) return false
  return elementOf(stanza).getChild('x', ns.mucUser)?.getChild('invite', ns.mucUser) !== undefined
}

/** §6.1, rooms: a private message of an occupant, which the room itself sends to every resource that joined. */
function isFromOccupant(stanza: Stanza): boolean {
  return stanza.from !== '' && isFull(stanza.from) && hasPayload(stanza, ns.mucUser, 'x') && !isInvitation(stanza)
}

/**
 * §6.1: an error that answers an eligible message. Errors may show what they answer or not (RFC 6120 §8.3.1): those that do
 * are judged by it, those that do not count as answers to a conversation.
 */
function isErrorOfEligible(stanza: Stanza, account: BareJid): boolean {
  // §10.3: what bounces off our own resources may be a copy of ours
  if (stanza.from === '' || bareOf(stanza.from) === account) return false
  const shown = stanza.payloads.filter((payload) => payload !== `{${ns.client}}error`)
  return shown.length === 0 || hasPayload(stanza, ns.client, 'body') || isImPayload(stanza) || isInvitation(stanza)
}
