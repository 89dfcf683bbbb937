import type { SessionContext, SessionView } from '@starling/core'
import { fullJid } from '@starling/jid'
import type { Session } from './account.ts'
import { freshId, type Turn } from './turn.ts'

/** Makes the context a module's handler is given: each sees its own slices. */
export function contextOf(turn: Turn, own: Session | undefined): (moduleId: string) => SessionContext {
  const { ports, account } = turn
  const { registry } = ports
  return (moduleId) => {
    const view = (session: Session): SessionView => ({
      resource: session.resource,
      jid: fullJid(account.jid, session.resource),
      isAvailable: session.presence !== undefined,
      isInterested: session.isInterested,
      priority: session.presence?.priority ?? 0,
      slice: session.slices[moduleId] ?? registry.initialSlice(moduleId),
    })
    return {
      domain: ports.domain,
      account: account.jid,
      nowMs: turn.nowMs,
      id: () => freshId(turn),
      option: registry.option,
      accountSlice: account.slices[moduleId] ?? registry.initialAccountSlice(moduleId),
      support: registry.support,
      sessions: [...account.sessions.values()].map(view),
      own: own === undefined ? undefined : view(own),
    }
  }
}
