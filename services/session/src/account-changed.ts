import type { AccountChanged } from '@starling/wire'
import { withoutKicked } from './kicked.ts'
import { kickSession } from './presence-end.ts'
import { emptyRoster, isLocalAccount, isSeen, seesUs } from './roster.ts'
import { presence } from './stanza-edit.ts'
import { knownRosterOf, type Turn, tellAccount } from './turn.ts'

/**
 * The account is gone, or its password another: every session ends. Of an account that is gone the contacts learn it.
 * Order: contacts can be told only as far as the roster is still known: storage forgets it with the account.
 */
export function handleAccountChanged(turn: Turn, envelope: AccountChanged): void {
  const { change } = envelope.head
  // RFC 6120 §4.9.3.12 for an account that is gone; §4.9.3.16 where signing in anew is all that is asked
  const condition = change === 'deleted' ? 'not-authorized' : 'reset'
  for (const session of turn.account.sessions.values()) {
    kickSession(turn, session, condition, change === 'deleted' ? 'the account is gone' : 'the password was changed')
    if (turn.isStarved) return
  }
  if (change === 'credentials') return
  turn.account = withoutKicked(turn.account, () => true) // what comes of them still is nobody's
  for (const item of knownRosterOf(turn)?.items.values() ?? []) {
    if (!isLocalAccount(item.jid, turn.ports.isServed)) continue
    const { jid: account } = turn.account
    if (isSeen(item) || item.ask) tellAccount(turn, item.jid, presence('unsubscribe', account, item.jid))
    if (seesUs(item) || item.request !== undefined) {
      tellAccount(turn, item.jid, presence('unsubscribed', account, item.jid))
    }
  }
  turn.roster = emptyRoster
}
