import type { AccountState, QueueChange, QueueEntry, QueuePlace, StateSave } from '@starling/core'
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

/** The account as it was read. */
export function working(
  account: BareJid,
  state: AccountState | undefined,
  read: ReturnType<typeof accountReader>,
): Working {
  const stored = state === undefined ? nobody : read(state)
  const mark = state?.mark ?? -1
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
