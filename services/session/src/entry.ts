import type { AccountState, Decision } from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { Account } from './account.ts'
import { readAccount, touchedBy } from './account-codec.ts'
import type { Handled } from './handle.ts'
import type { RosterView } from './roster.ts'

/** One account while a batch is at work on it. */
export interface Entry {
  readonly before: Account
  readonly mark: number
  /** The roster at the mark; undefined when it must be fetched. */
  first: RosterView | undefined
  /** That this is so was decided, by whomever, and how far that reaches. */
  decision: Decision | undefined
  account: Account
  /** What of it the batch touched. Shape: see `touchedBy`. */
  readonly touched: Set<string>
  roster: RosterView | undefined
  /** Offset of the last input of the batch behind the mark; -1 without one. */
  last: number
  /** Whether what came of the inputs hangs on `first`. */
  hasConsulted: boolean
}

/** An account as it was read. */
export function entryOf(jid: BareJid, state: AccountState, first: RosterView | undefined): Entry {
  const account = readAccount(jid, state)
  return {
    before: account,
    mark: state.mark,
    first,
    decision: state.decision,
    account,
    touched: new Set(),
    roster: first,
    last: -1,
    hasConsulted: false,
  }
}

/** Takes an account back to where the batch began. */
export function rewind(entry: Entry): void {
  entry.account = entry.before
  entry.roster = entry.first
}

/** Takes over what the input at an offset came to. */
export function advance(entry: Entry, offset: number, { account, roster, hasConsulted }: Handled): void {
  for (const one of touchedBy(entry.account, account)) entry.touched.add(one)
  entry.account = account
  entry.roster = roster
  entry.last = offset
  if (hasConsulted === true) entry.hasConsulted = true
}
