import type { Hibernation, Place, Registry } from '@starling/core'
import { type BareJid, bareOf, fullJid } from '@starling/jid'
import { errorReply, type Stanza, type StanzaError, type StreamError } from '@starling/stanza'
import type { DeliverHead, Envelope, InboxName, StateChange } from '@starling/wire'
import { type Account, type Session, withSession } from './account.ts'
import type { RosterView } from './roster.ts'

/** What handling is given that does not change. */
export interface Ports {
  /** Whether a domain is served here. */
  readonly isServed: (domain: string) => boolean
  readonly registry: Registry
  readonly limits: {
    /** Units: resources an account may bind; 0 means any number. */
    readonly maxResources: number
    /** Units: items, requests of strangers included; 0 means any number. */
    readonly maxRosterItems: number
    /** Units: addresses a session; 0 means any number. */
    readonly maxDirectedPresence: number
  }
}

/** An envelope to publish, its cause still to be added. */
export interface Draft {
  readonly to: InboxName
  readonly envelope: Envelope
  readonly isQuestion?: boolean
}

/**
 * The handling of one input: lives as long as that, and holds all that the handling changes, so that from outside handling
 * is a pure function of account, roster and input.
 */
export interface Turn {
  readonly ports: Ports
  readonly place: Place
  readonly nowMs: number
  /** Presence has forgotten this account's sessions not long ago: an unknown connection may have one (R11). */
  readonly isForgetful: boolean
  account: Account
  roster: RosterView | undefined
  /** Whether the account exists; known only when storage was just asked. */
  readonly exists: boolean
  readonly drafts: Draft[]
  /** Sessions that an effect wants ended. */
  readonly kicks: { readonly resource: string; readonly error: StreamError }[]
  /** Sessions that wait for their clients from now on, to be noted before the state is saved. */
  readonly hibernations: Hibernation[]
  /** Something needed the roster or the slices, which are not here: nothing of this turn counts, the input is parked. */
  isStarved: boolean
  /** Whether what came of it hangs on the roster, or on there being none. */
  hasConsulted: boolean
  /** Ids given so far. */
  ids: number
}

/** A turn before anything was done. */
export function beginTurn(
  ports: Ports,
  known: { readonly account: Account; readonly roster: RosterView | undefined; readonly exists?: boolean },
  at: { readonly place: Place; readonly nowMs: number; readonly isForgetful?: boolean },
): Turn {
  const { account, roster, exists = true } = known
  const nothing = { isStarved: false, hasConsulted: false, ids: 0 }
  return {
    ports,
    isForgetful: false,
    ...at,
    account,
    roster,
    exists,
    drafts: [],
    kicks: [],
    hibernations: [],
    ...nothing,
  }
}

/** A fresh id, equal on replay. */
export function freshId(turn: Turn): string {
  const { partition, offset, index } = turn.place
  turn.ids += 1
  return `s${partition.toString(36)}-${offset.toString(36)}-${index.toString(36)}-${turn.ids.toString(36)}`
}

/** The roster; undefined when it must be fetched first, and then the turn is void. */
export function rosterOf(turn: Turn): RosterView | undefined {
  if (turn.roster === undefined) turn.isStarved = true
  return knownRosterOf(turn)
}

/** The roster, as far as it is known. */
export function knownRosterOf(turn: Turn): RosterView | undefined {
  turn.hasConsulted = true
  return turn.roster
}

/** Publishes an envelope. */
export function emit(turn: Turn, to: InboxName, envelope: Envelope): void {
  turn.drafts.push({ to, envelope })
}

/** Tells routing of a change of this account's sessions. Order: before what depends on it. */
export function emitState(turn: Turn, head: StateChange): void {
  emit(turn, 'routing', { kind: 'state', key: turn.account.jid, atMs: turn.nowMs, head })
}

/** Replaces a session, and tells routing when what it delivers by has changed. */
export function updateSession(turn: Turn, session: Session): void {
  const old = turn.account.sessions.get(session.resource)
  turn.account = withSession(turn.account, session)
  const { resource, presence, slices } = session
  const isSame =
    (old?.presence === undefined) === (presence === undefined) &&
    old?.presence?.priority === presence?.priority &&
    old?.slices === slices
  if (isSame) return
  const isAvailable = presence !== undefined
  emitState(turn, { change: 'updated', resource, isAvailable, priority: presence?.priority ?? 0, slices })
}

/** Delivers a stanza to an address of the domain, by routing. */
export function deliver(turn: Turn, to: BareJid, stanza: Stanza, head?: DeliverHead): void {
  const envelope: Envelope = {
    kind: 'deliver',
    key: to,
    atMs: turn.nowMs,
    stanza,
    ...(head === undefined ? {} : { head }),
  }
  emit(turn, 'routing', envelope)
}

/** Delivers a stanza to one connected resource of this account. */
export function deliverOwn(turn: Turn, resource: string, stanza: Stanza): void {
  deliver(turn, turn.account.jid, stanza, { isOwn: true, resource })
}

/** Hands a stanza to another account's session stage. */
export function tellAccount(turn: Turn, to: BareJid, stanza: Stanza): void {
  emit(turn, 'session', { kind: 'account', key: to, atMs: turn.nowMs, stanza })
}

/** Answers a stanza of one of this account's clients with an error; what may not be answered is not. */
export function refuseOwn(turn: Turn, resource: string, stanza: Stanza, error: StanzaError): void {
  const reply = errorReply(stanza, error)
  if (reply !== undefined) deliverOwn(turn, resource, reply)
}

/** Answers a stanza from elsewhere with an error. */
export function refuseOther(turn: Turn, stanza: Stanza, error: StanzaError): void {
  const reply = errorReply(stanza, error)
  if (reply !== undefined && reply.to !== '') deliver(turn, bareOf(reply.to), reply, { isOwn: true })
}

/** Address of a session. */
export function jidOf(turn: Turn, session: Session): ReturnType<typeof fullJid> {
  return fullJid(turn.account.jid, session.resource)
}
