import type { Drop } from '@starling/wire'
import { sessionOf } from './account.ts'
import { endSession } from './presence-end.ts'
import type { Turn } from './turn.ts'

/** A connection ended: so does its session, if it still has one. Source: RFC 6121 §4.5.3 (the server speaks for the client). */
export function handleDrop(turn: Turn, envelope: Drop): 'handled' | 'no-session' {
  const session = sessionOf(turn.account, envelope.target)
  if (session === undefined) return 'no-session'
  endSession(turn, session)
  return 'handled'
}
