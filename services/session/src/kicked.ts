import type { Target } from '@starling/wire'
import { type Account, isSameTarget, type Kicked } from './account.ts'

/** Units: connections an account. Who is kicked more often than pods write drops has the oldest forgotten, with what it still sends. */
export const maxKicked = 8

/** Remembers a connection that a kick takes its session from. */
export function withKicked(account: Account, { target, count }: Kicked): Account {
  return { ...account, kicked: [...account.kicked, { target, count }].slice(-maxKicked) }
}

/** Count of a connection that is over, whose session goes on elsewhere: no stanza follows it. */
const overCount = -2

/**
 * Remembers, while unknown connections are believed (R11), that this one is over: its session goes on elsewhere, and what it still
 * sends was sent again there. Lasts as long as the account has sessions, as one of `maxKicked`.
 */
export function withOver(account: Account, target: Target): Account {
  return withKicked(
    withoutKicked(account, (one) => isSameTarget(one, target)),
    { target, count: overCount },
  )
}

/** Whether nothing is to come of it any more. */
export function isOver({ count }: Kicked): boolean {
  return count === overCount
}

/** Counts a stanza of a connection that was kicked. */
export function withKickedCount(account: Account, { target, count }: Kicked): Account {
  const kicked = account.kicked.map((one) => (isSameTarget(one.target, target) ? { target, count } : one))
  return { ...account, kicked }
}

/** Forgets those that nothing comes of any more. */
export function withoutKicked(account: Account, isOver: (target: Target) => boolean): Account {
  const kicked = account.kicked.filter(({ target }) => !isOver(target))
  return kicked.length === account.kicked.length ? account : { ...account, kicked }
}

/** The connection, if it was kicked and its drop has not come. */
export function kickedOf(account: Account, target: Target): Kicked | undefined {
  return account.kicked.find((one) => isSameTarget(one.target, target))
}
