import type { AccountState, KeptAtMark, QueueChange, QueueEntry, QueuePlace, StateSave } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { type accountReader, changedFields, nobody, type RoutedAccount } from './account.ts'

/** An entry that this batch adds to a queue. */
export interface Appended {
  readonly queue: string
  readonly entry: QueueEntry
}

/** An account while a batch is at work: what was stored, what it has become, and what is to be saved (R4). */
export interface Working {
  readonly account: BareJid
  /** Offset up to which everything of the account was published and saved. */
  readonly mark: number
  readonly stored: RoutedAccount
  now: RoutedAccount
  /** Resources whose sessions began, changed or ended in this batch, as they may have done and be as before again. */
  readonly touched: Set<string>
  readonly appended: Appended[]
  /** Queues whose sessions are over. */
  readonly ended: string[]
  /** What clients said they have. */
  readonly trimmed: QueuePlace[]
  /** Deliveries found missing that presence had lost (R11). */
  lost: number
}

/** How accounts are read. */
export interface Reading {
  readonly decode: ReturnType<typeof accountReader>
  /** Those with many sessions as they were saved, whose reading would cost more than their messages. */
  readonly kept: KeptAtMark<RoutedAccount>
}

/** Sessions of an account from which on it is kept as it was saved. */
const manySessions = 2

/** The account as it was read. */
export function working(account: BareJid, state: AccountState | undefined, { decode, kept }: Reading): Working {
  const mark = state?.mark ?? -1
  const stored = state === undefined ? nobody : (kept.get(account, mark) ?? decode(state))
  return { account, mark, stored, now: stored, touched: new Set(), appended: [], ended: [], trimmed: [], lost: 0 }
}

/** Remembers how an account stands; what is returned puts it back so (R10). */
export function checkpoint(at: Working): () => void {
  const { now, lost } = at
  const [appended, ended, trimmed] = [at.appended.length, at.ended.length, at.trimmed.length]
  return () => {
    at.now = now
    at.lost = lost
    at.appended.length = appended
    at.ended.length = ended
    at.trimmed.length = trimmed
  }
}

/** Keeps an account whose state was saved with `mark`, if it is dear to read. */
export function keep({ account, now }: Working, mark: number, kept: KeptAtMark<RoutedAccount>): void {
  if (now.sessions.size >= manySessions) kept.put(account, mark, now)
}

/** What a batch that reached `mark` saves of an account; undefined when nothing changed. */
export function saveOf(at: Working, mark: number): StateSave | undefined {
  if (at.now === at.stored) return undefined
  const queues = new Map<string, QueueChange & { readonly append: QueueEntry[] }>()
  for (const { queue, entry } of at.appended) {
    const change = queues.get(queue)
    if (change === undefined) queues.set(queue, { queue, append: [entry] })
    else change.append.push(entry)
  }
  for (const queue of at.ended) queues.set(queue, { queue, append: [], isEnded: true })
  const fields = changedFields(at.stored, at.now, at.touched)
  return { account: at.account, mark, ...fields, ...(queues.size === 0 ? {} : { queues: [...queues.values()] }) }
}
