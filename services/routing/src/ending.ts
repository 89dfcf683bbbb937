import { domainOf } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { delayElement, elementOf, hasPayload, makeStanza, ns, type Stanza, stanzaError } from '@starling/stanza'
import { archiveId, type Place, type Target } from '@starling/wire'
import type { RoutedSession } from './account.ts'
import { nameOf } from './audience.ts'
import type { Outputs } from './outputs.ts'
import { decodeEntry, type Entry } from './queue-entry.ts'
import { lostAbove, maxEntries, type Queued, unacked } from './queued.ts'
import type { Working } from './working.ts'

/** What ending a session needs to know. */
export interface EndingContext {
  readonly at: Working
  readonly place: Place
  readonly queued: Queued
  readonly isDead: (target: Target) => boolean
  readonly outputs: Outputs
}

/**
 * Hands on what a session that is over leaves unacknowledged, and forgets its queue. The account no longer holds the session.
 * Source: XEP-0198 §4: messages go to another resource or offline, requests are answered; R6: as records of this inbox, as what
 * the queue holds is no function of the log.
 * Order: each is numbered by its ordinal, so that acknowledgements that arrive between two tries take no other's number (R3).
 */
export function endQueue(session: RoutedSession, context: EndingContext): void {
  const { sm } = session
  if (sm === undefined) return
  const { at, outputs, queued } = context
  at.lost += lostAbove(sm, sm.acked)
  for (const { ordinal, bytes } of unacked(queued, at, sm, 0)) {
    const number = maxEntries - (sm.last - ordinal)
    const entry = decodeEntry(bytes)
    if (entry === undefined || number < 1) continue
    if (entry.isRequest) outputs.bounce(stanzaOf(entry), stanzaError('service-unavailable'), number)
    else if (entry.isRedeliverable) redeliver(entry, number, context)
  }
  at.ended.push(sm.id)
}

function redeliver(entry: Entry, number: number, { at, place, isDead, outputs }: EndingContext): void {
  const { atMs, holders, copies } = entry
  const there = new Map<string, string>()
  if (holders.length + copies.length > 0) {
    for (const [resource, session] of at.now.sessions) {
      if (session.sm !== undefined || !isDead(session.target)) there.set(nameOf(session), resource)
    }
  }
  // Another session was sent it too: it has it, or hands it on at its own end
  if (holders.some((name) => there.has(name))) return
  const except = copies.flatMap((name) => there.get(name) ?? [])
  const stanza = delayed(stanzaOf(entry), domainOf(at.account), atMs)
  // R6: among offline messages it stands where its session ended: before what came after
  const offlineId = archiveId(place) + number.toString(36).padStart(4, '0')
  const head = {
    isOwn: true,
    isReplay: true,
    isRedelivery: true,
    offlineId,
    ...(except.length === 0 ? {} : { except }),
  }
  outputs.emit('routing', { kind: 'deliver', key: at.account, atMs, stanza, head }, number)
}

function stanzaOf({ raw, to }: Entry): Stanza {
  const element = elementOf({ kind: 'message', type: '', id: '', from: '', to: '', payloads: [], raw })
  if (to !== '') element.attrs['to'] = to
  return makeStanza(element)
}

/** XEP-0198 §4: a note of delay with the time of the delivery that failed; one that is there stays. */
function delayed(stanza: Stanza, domain: BareJid, atMs: number): Stanza {
  if (hasPayload(stanza, ns.delay, 'delay')) return stanza
  const element = elementOf(stanza)
  element.append(delayElement(domain, atMs))
  return makeStanza(element)
}
