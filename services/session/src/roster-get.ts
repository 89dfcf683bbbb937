import { iqResult, ns, type Stanza } from '@starling/stanza'
import { type Element, xml } from '@starling/xml'
import type { Session } from './account.ts'
import { itemElement } from './roster-change.ts'
import { deliverOwn, rosterOf, type Turn, updateSession } from './turn.ts'

/** Answers a roster get; the resource gets pushes from then on. Source: RFC 6121 §2.1.3, §2.2, §2.6.2. */
export function getRoster(turn: Turn, session: Session, request: Stanza, query: Element): void {
  const roster = rosterOf(turn)
  if (roster === undefined) return
  // §2.2: a client that asks for the roster is an interested resource
  if (!session.isInterested) updateSession(turn, { ...session, isInterested: true })
  const known = query.attrs['ver']
  // §2.6.2: the client holds this version already
  if (known !== undefined && known !== '' && known === roster.version) {
    deliverOwn(turn, session.resource, iqResult(request))
    return
  }
  const items = [...roster.items.values()].filter((item) => item.isListed).map(itemElement)
  const ver = known === undefined ? {} : { ver: roster.version }
  deliverOwn(turn, session.resource, iqResult(request, xml('query', { xmlns: ns.roster, ...ver }, ...items)))
}
