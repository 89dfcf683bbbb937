import type { Drop } from '@starling/wire'
import { sessionOf } from './account.ts'
import { endSession } from './presence-end.ts'
import { canResume, hibernate, isHibernating, type SmFate } from './stream-management.ts'
import type { Turn } from './turn.ts'

/**
 * A connection ended: so does its session, if it still has one and may not wait for its client.
 * Source: RFC 6121 §4.5.3 (the server speaks for the client); XEP-0198 §7.
 */
export function handleDrop(turn: Turn, envelope: Drop): SmFate {
  const session = sessionOf(turn.account, envelope.target)
  if (session === undefined) return 'no-session'
  // XEP-0198 §7: a stream that was not closed is unfinished, and its session stays
  if (envelope.head.reason === 'closed' || !canResume(session)) endSession(turn, session)
  else if (isHibernating(session)) return 'repeated'
  else hibernate(turn, session)
  return 'handled'
}
