import { type Presence, PresenceError, type StateSave } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { changesOf } from './account-codec.ts'
import type { Entry } from './entry.ts'
import type { RosterCodec } from './roster-codec.ts'

/*
 * What a roster leads to must be the same whoever handles the input (R3): one owner has the roster in memory and acts at once, the
 * next has not and asks storage, and acts at the answer's place. So the roster that an account's inputs begin with, or that there is
 * none, is decided before anything of it is published, is told to whoever works them again, and ends with the save behind them.
 */

/** What deciding needs. */
export interface DecisionPorts {
  readonly presence: Presence
  readonly codec: RosterCodec
}

/**
 * Decides for the accounts where it matters and nothing was decided that reaches as far; one call, none where there are none.
 * Returns whether some account begins with another roster than it was handled with: then the batch is computed again.
 * Errors: PRESENCE_DOWN also when another owner has saved meanwhile: the batch is handed over again, and then read as it is.
 */
export async function decide(
  { presence, codec }: DecisionPorts,
  entries: ReadonlyMap<BareJid, Entry>,
): Promise<boolean> {
  const open = [...entries.values()].filter(
    ({ hasConsulted, decision, last }) => hasConsulted && (decision === undefined || decision.until < last),
  )
  if (open.length === 0) return false
  const proposals = open.map(({ before, mark, first, last }) => ({
    account: before.jid,
    mark,
    until: last,
    bytes: codec.encode(first),
  }))
  const decided = await presence.decideStates('session', proposals)
  let isOther = false
  for (const [index, entry] of open.entries()) {
    const decision = decided[index]
    if (decision === undefined || decision === 'stale') throw new PresenceError('another owner saved this account')
    if (entry.decision === undefined && decision.bytes !== proposals[index]?.bytes) {
      entry.first = codec.decode(decision.bytes)
      isOther = true
    }
    entry.decision = decision
  }
  return isOther
}

/**
 * What of an account is to be saved; undefined when nothing. What was decided is saved over even when nothing changed, so that it
 * ends. The roster goes along in two cases: where the decision reaches further than the mark (an earlier owner took more records at
 * once), and while answers are under way that storage may have read before a change made here: whoever handles them needs the newer
 * one, and asking again would let later inputs overtake.
 */
export function saveOf(entry: Entry, mark: number, codec: RosterCodec): StateSave | undefined {
  const { before, account, touched, decision, last, roster } = entry
  const change = changesOf(before, account, mark, touched)
  if (change === undefined && (decision === undefined || last < 0)) return undefined
  const save = change ?? { account: before.jid, mark, set: new Map(), remove: [] }
  const reach = decision?.until ?? -1
  const isAhead = account.pending > 0 && account.rosterVersion !== '' && roster !== undefined
  if (reach <= mark && !isAhead) return save
  return { ...save, decision: { until: Math.max(reach, mark), bytes: codec.encode(roster) } }
}

/**
 * Looks after saves that were refused: another owner is ahead, and nothing is left to do.
 * Errors: PRESENCE_DOWN when it is not, but has decided for records behind ours: the batch is handed over again, to learn what.
 */
export async function assertOvertaken(presence: Presence, refused: readonly StateSave[]): Promise<void> {
  if (refused.length === 0) return
  const states = await presence.readStates(
    'session',
    refused.map(({ account }) => account),
  )
  const isBehind = refused.some(({ mark }, index) => (states[index]?.mark ?? -1) < mark)
  if (isBehind) throw new PresenceError('another owner decided for later records')
}
