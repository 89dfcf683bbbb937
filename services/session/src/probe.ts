import { bareOf } from '@starling/jid'
import type { Stanza } from '@starling/stanza'
import { availableSessions } from './account.ts'
import { showTo } from './presence-show.ts'
import { rosterSees } from './roster.ts'
import { presence } from './stanza-edit.ts'
import { deliver, rosterOf, type Turn } from './turn.ts'

/**
 * Answers a probe.
 * Source: RFC 6121 §4.3.2. An account without any session answers nothing: who asks takes silence for absence, and no roster
 * is fetched for it.
 */
export function handleProbe(turn: Turn, stanza: Stanza): void {
  const { from } = stanza
  if (from === '' || turn.account.sessions.size === 0) return
  const contact = bareOf(from)
  if (contact !== turn.account.jid) {
    const roster = rosterOf(turn)
    if (roster === undefined) return
    if (!rosterSees(roster, contact)) {
      // §4.3.2 rule 1: tells a server whose state differs
      deliver(turn, contact, presence('unsubscribed', turn.account.jid, contact), { isOwn: true })
      return
    }
  }
  if (availableSessions(turn.account).length > 0) showTo(turn, from, 'current')
  else deliver(turn, contact, presence('unavailable', turn.account.jid, from)) // §4.3.2 rule 2
}
