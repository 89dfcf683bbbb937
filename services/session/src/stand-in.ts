import { fullJid } from '@starling/jid'
import { isRequest, type Stanza } from '@starling/stanza'
import { type Kicked, type Session, withoutSession, withSession } from './account.ts'
import { addressed } from './stanza-edit.ts'
import { nameOf } from './stream-management.ts'
import { isSubscription } from './subscription-table.ts'
import type { Draft, Turn } from './turn.ts'

/** What a kicked connection is handled as: a session under a name of its own that nobody sees and nothing reaches. */
export function standInFor({ account }: Turn, { target, count }: Kicked): Session {
  let resource = `kicked-${nameOf(target)}`
  while (account.sessions.has(resource)) resource += '-'
  return {
    resource,
    target,
    generation: 0,
    lang: '',
    count,
    isInterested: false,
    presence: undefined,
    slices: {},
    directed: [],
    sm: undefined,
  }
}

/**
 * Handles a stanza of a kicked connection for what it does to others: its pod may have acknowledged it (R1, R5).
 * Order: the stand-in is among the sessions only meanwhile. What is meant for the session alone is left out; requests name the
 * stand-in, so that their answers reach nobody rather than a new session of the same name.
 */
export function handleAsStandIn(turn: Turn, standIn: Session, stanza: Stanza, handle: (stanza: Stanza) => void): void {
  // nobody may be left believing in the presence of a session that is over
  if (stanza.kind === 'presence' && !isSubscription(stanza.type)) return
  const { resource } = standIn
  const earlier = turn.drafts.length
  turn.account = withSession(turn.account, standIn)
  handle(isRequest(stanza) ? addressed(stanza, { from: fullJid(turn.account.jid, resource) }) : stanza)
  turn.account = withoutSession(turn.account, resource)
  const isAlone = turn.account.sessions.size === 0
  const made = turn.drafts.splice(earlier)
  turn.drafts.push(...made.filter((draft) => !isOwn(draft, resource, isAlone)))
}

/** Whether it concerns the stand-in alone, or what routing keeps of an account only as long as that has sessions. */
function isOwn({ envelope }: Draft, resource: string, isAlone: boolean): boolean {
  if (envelope.kind === 'deliver') return envelope.head?.resource === resource
  if (envelope.kind !== 'state') return false
  const { head } = envelope
  return head.change === 'settings' ? isAlone : head.change === 'updated' && head.resource === resource
}
