import type { Drop } from '@starling/wire'
import { isSameTarget, sessionOf } from './account.ts'
import { withOver, withoutKicked } from './kicked.ts'
import { endSession } from './presence-end.ts'
import { canResume, hibernate, isHibernating, type SmFate } from './stream-management.ts'
import type { Turn } from './turn.ts'

/**
 * A connection ended: so does its session, if it still has one and may not wait for its client.
 * Source: RFC 6121 §4.5.3 (the server speaks for the client); XEP-0198 §7.
 */
export function handleDrop(turn: Turn, { target, head }: Drop): SmFate {
  const session = sessionOf(turn.account, target)
  if (session === undefined) {
    const { account } = turn
    turn.account = withoutKicked(account, (one) => isSameTarget(one, target))
    if (turn.isForgetful && account.sessions.size > 0) turn.account = withOver(turn.account, target)
    return turn.account === account ? 'no-session' : 'handled'
  }
  const { reason, acked } = head
  // XEP-0198 §7: a stream that was not closed is unfinished, and its session stays
  // R11: one whose numbers went apart cannot be gone on with
  if (reason === 'closed' || reason === 'renumbered' || !canResume(session)) {
    endSession(turn, session, acked)
    return 'handled'
  }
  const fate = isHibernating(session) ? 'repeated' : 'handled'
  hibernate(turn, session, acked)
  return fate
}
