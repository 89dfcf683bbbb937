import type { AccountState, Decision, KeptAtMark } from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { Account } from './account.ts'
import { type accountReader, touchedBy } from './account-codec.ts'
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

/** How accounts are read. */
export interface Reading {
  readonly decode: ReturnType<typeof accountReader>
  /** Those with many sessions as they were saved, whose reading would cost more than their stanzas. */
  readonly kept: KeptAtMark<Account>
}

/** Sessions of an account from which on it is kept as it was saved. */
const manySessions = 2

/** An account as it was read, and its roster if that is known. */
export function entryOf(jid: BareJid, state: AccountState, reading: Reading, first?: RosterView): Entry {
  const account = reading.kept.get(jid, state.mark) ?? reading.decode(jid, state)
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

/** Keeps an account whose state was saved with `mark`, if it is dear to read and nothing in it looks into a whole batch. */
export function keep({ account }: Entry, mark: number, kept: KeptAtMark<Account>): void {
  if (account.sessions.size < manySessions) return
  const raws = [...account.sessions.values()].flatMap(({ presence }) => presence?.raw ?? [])
  if (raws.every(({ byteLength, buffer }) => byteLength === buffer.byteLength)) kept.put(account.jid, mark, account)
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
