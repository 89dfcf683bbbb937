import type { Registry, RoutingContext, SessionView } from '@starling/core'
import { type BareJid, fullJid } from '@starling/jid'
import { archiveId } from '@starling/wire'
import type { RoutedSession, Slices } from './account.ts'
import type { DeliveryContext } from './deliver.ts'

/** A module's context in routing: its own slices. */
export function contexts(context: DeliveryContext, chosen: readonly string[]): (moduleId: string) => RoutingContext {
  const { registry, domain, at, sessions, place, atMs } = context
  const { account } = at
  const { slices } = at.now
  let ids = 0
  return (moduleId) => ({
    domain,
    account,
    nowMs: atMs,
    id: () => {
      ids += 1
      return `${archiveId(place)}-${ids}`
    },
    option: registry.option,
    support: registry.support,
    accountSlice: slice(slices, moduleId, registry.initialAccountSlice(moduleId)),
    slice: (other) => slice(slices, other, registry.initialAccountSlice(other)),
    // Made when asked for: most handlers look at the stanza alone
    get sessions() {
      return [...sessions].map(([resource, session]) => view(account, resource, session, { moduleId, registry }))
    },
    chosen,
    archiveId: archiveId(place),
  })
}

function view(
  account: BareJid,
  resource: string,
  session: RoutedSession,
  { moduleId, registry }: { readonly moduleId: string; readonly registry: Registry },
): SessionView {
  return {
    resource,
    jid: fullJid(account, resource),
    isAvailable: session.isAvailable,
    isInterested: false,
    priority: session.priority,
    slice: slice(session.slices, moduleId, registry.initialSlice(moduleId)),
  }
}

function slice(slices: Slices, moduleId: string, initial: Slices[string]): Slices[string] {
  return slices[moduleId] ?? initial
}
