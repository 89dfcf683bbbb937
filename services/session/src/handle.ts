import type { Hibernation, Place } from '@starling/core'
import { isRequest, type StanzaError, stanzaError } from '@starling/stanza'
import { decodeEnvelope, type Envelope, encodeEnvelope, inboxes, type Json, type Loaded } from '@starling/wire'
import { type Account, blankAccount, type Slices } from './account.ts'
import { handleAccountChanged } from './account-changed.ts'
import { handleBind, refuseBind } from './bind.ts'
import { acceptedBy, handleAnswered, handleClient } from './client.ts'
import { handleDrop } from './drop.ts'
import { isOver } from './kicked.ts'
import { performKicks } from './presence-end.ts'
import { handleReassert } from './reassert.ts'
import { handleReceived } from './received.ts'
import { type RosterView, readRoster, versionOf } from './roster.ts'
import { handleEnable, handleExpire, handleResume, refuseResume } from './stream-management.ts'
import { beginTurn, type Draft, type Ports, refuseOther, refuseOwn, type Turn } from './turn.ts'

/** What is known of an account. */
export interface Known {
  readonly account: Account
  /** Undefined when it must be fetched. */
  readonly roster: RosterView | undefined
}

/** An envelope for one account, and its place. */
export interface AccountInput {
  readonly place: Place
  readonly envelope: Envelope
  /** Presence has forgotten this account's sessions not long ago (R11). */
  readonly isForgetful?: boolean
}

/** What became of an input, for metrics. */
export type Fate =
  | 'handled'
  | 'parked'
  | 'no-session'
  | 'out-of-order'
  | 'unreadable'
  | 'unexpected'
  | 'repeated'
  | 'bug'

/** What handling an input came to. */
export interface Handled extends Known {
  readonly drafts: readonly Draft[]
  readonly fate: Fate
  /** Whether it hangs on the roster that was known before, or on there being none; one that the input brought does not count. */
  readonly hasConsulted?: boolean
  /** To be noted before the state is saved. */
  readonly hibernations?: readonly Hibernation[] | undefined
  /** What a handler threw. */
  readonly bug?: unknown
}

/**
 * Handles one input of one account: a pure function of what is known and the input.
 * Order: while a question is under way, every input waits behind it (R3); what needs the roster or the settings and finds
 * them missing begins such a question.
 */
export function handle(ports: Ports, known: Known, input: AccountInput): Handled {
  const handled =
    input.envelope.kind === 'loaded' ? answered(ports, known, input, input.envelope) : arrived(ports, known, input)
  return tidied(handled)
}

function arrived(ports: Ports, known: Known, input: AccountInput): Handled {
  return known.account.pending > 0 ? park(known, input) : attempt(ports, known, input)
}

/** An account nobody is connected to keeps nothing here. */
function tidied(handled: Handled): Handled {
  const { account } = handled
  if (account.sessions.size > 0 || account.pending > 0 || !account.kicked.every(isOver)) return handled
  return { ...handled, account: blankAccount(account.jid) }
}

/** Sends the input along with a question to storage; it comes back with the answer. */
function park(known: Known, { place, envelope }: Pick<AccountInput, 'place' | 'envelope'>): Handled {
  const { account } = known
  const { jid: key } = account
  // What waits carries the place it waited at, so that its answer is known from a repetition of it.
  const { partition, offset, index } = place
  const waiting: Envelope = { ...envelope, cause: { inbox: inboxes.session.number, partition, offset, index } }
  const question: Envelope = {
    kind: 'ask',
    key,
    atMs: envelope.atMs,
    head: { call: { query: 'load', args: { owner: key } }, reply: { to: 'session' } },
    carried: encodeEnvelope(waiting),
  }
  return {
    ...known,
    account: {
      ...account,
      pending: account.pending + 1,
      // while anything waits, everything does: what stood earlier was not asked by us, or was answered
      awaited: account.pending === 0 ? versionOf(place) : account.awaited,
    },
    drafts: [{ to: 'storage', envelope: question, isQuestion: true }],
    fate: 'parked',
  }
}

interface LoadedHead {
  readonly exists?: boolean
  readonly roster?: Json
  readonly slices?: Slices
}

/** An answer: what waited for it is handled in its place. */
function answered(ports: Ports, known: Known, { place, isForgetful }: AccountInput, envelope: Loaded): Handled {
  const { pending, reparks, rosterVersion, awaited } = known.account
  const counted: Account = { ...known.account, pending: Math.max(0, pending - 1) }
  const decoded = decodeEnvelope(envelope.carried)
  if (!decoded.ok || decoded.value.kind === 'loaded')
    return { ...known, account: counted, drafts: [], fate: 'unreadable' }
  const { cause } = decoded.value
  const asked = cause === undefined ? '' : versionOf(cause)
  // asked twice, by an owner that died before saving or by one that did not know of its end
  if (asked < awaited) return { ...known, drafts: [], fate: 'repeated' }
  // nobody asks any more, and the account has forgotten that it was answered, as all its sessions are over; R11: or all is forgotten
  if (pending === 0 && isForgetful !== true) return { ...known, drafts: [], fate: 'repeated' }
  const account: Account = { ...counted, awaited: `${asked}~` }
  const input: AccountInput = { place, envelope: decoded.value, isForgetful: isForgetful === true }
  // behind one that had to be parked again
  if (reparks > 0) return park({ ...known, account: { ...account, reparks: reparks - 1 } }, input)
  const head = (envelope.head ?? {}) as LoadedHead
  const fetched = readRoster(head.roster)
  // no roster in an answer would be asked for without end
  if (fetched === undefined) return { ...known, account, drafts: [], fate: 'unreadable' }
  // R3: what the log holds comes before what happens to be known
  const isOld = fetched.version < rosterVersion
  if (isOld && known.roster === undefined) {
    // Read before a change that an earlier owner of this partition made. The next answer comes after it: storage reads what
    // was written before in its inbox. Whatever is under way goes behind, so that the order stays.
    const again = { ...known, account: { ...account, reparks: account.pending, rosterVersion: '' } }
    return { ...park(again, input), hasConsulted: true }
  }
  const roster = isOld ? known.roster : fetched
  const loaded = account.isLoaded ? account : { ...account, isLoaded: true, slices: head.slices ?? {} }
  return { ...attempt(ports, { account: loaded, roster }, input, head.exists ?? true), hasConsulted: isOld }
}

/** Handles the input now; parks it when something it needs is missing; answers for a handler that throws. */
function attempt(ports: Ports, known: Known, input: AccountInput, exists = true): Handled {
  const at = { place: input.place, nowMs: input.envelope.atMs, isForgetful: input.isForgetful === true }
  const turn = beginTurn(ports, { ...known, exists }, at)
  try {
    const fate = dispatch(turn, input.envelope)
    if (!turn.isStarved) performKicks(turn)
    const { account, roster, drafts, hasConsulted, hibernations } = turn
    if (turn.isStarved) return { ...park(known, input), hasConsulted }
    const noted = hibernations.length === 0 ? undefined : hibernations
    return { account, roster, drafts, fate, hasConsulted, hibernations: noted }
  } catch (bug) {
    // R10: caught once, counted, answered
    const answer = beginTurn(ports, { ...known, exists }, at)
    apologize(answer, input.envelope, stanzaError('internal-server-error'))
    const { account, roster, drafts } = answer
    return { account, roster, drafts, fate: 'bug', hasConsulted: turn.hasConsulted, bug }
  }
}

function dispatch(turn: Turn, envelope: Envelope): Fate {
  switch (envelope.kind) {
    case 'client':
      return handleClient(turn, envelope)
    case 'account':
      handleReceived(turn, envelope.stanza)
      return 'handled'
    case 'bind':
      handleBind(turn, envelope)
      return 'handled'
    case 'drop':
      return handleDrop(turn, envelope)
    case 'answered':
      return handleAnswered(turn, envelope)
    case 'enable':
      return handleEnable(turn, envelope)
    case 'resume':
      return handleResume(turn, envelope)
    case 'reassert':
      return handleReassert(turn, envelope)
    case 'expire':
      return handleExpire(turn, envelope)
    case 'accountChanged':
      handleAccountChanged(turn, envelope)
      return 'handled'
    default:
      return 'unexpected' // no envelope of this inbox
  }
}

/** Answers for a handler that threw. */
function apologize(turn: Turn, envelope: Envelope, error: StanzaError): void {
  if (envelope.kind === 'client') {
    const session = acceptedBy(turn, envelope)
    if (typeof session !== 'string') refuseOwn(turn, session.resource, envelope.stanza, error)
  } else if (envelope.kind === 'answered') {
    acceptedBy(turn, envelope)
  } else if (envelope.kind === 'resume') {
    refuseResume(turn, envelope.target)
  } else if (envelope.kind === 'account') {
    if (isRequest(envelope.stanza)) refuseOther(turn, envelope.stanza, error)
  } else if (envelope.kind === 'bind') refuseBind(turn, envelope, error)
}
