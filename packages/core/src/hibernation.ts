import { type BareJid, isBare, parseJid } from '@starling/jid'
import type { Target } from '@starling/wire'

/** What a hibernation's name says. */
export interface NamedHibernation {
  /** The connection that the session hung on last. */
  readonly target: Target
  readonly account: BareJid
}

/**
 * Names a hibernation: all that its `expire` record needs (R6).
 * Shape: `slot epoch connection account`.
 */
export function hibernationName({ slot, epoch, connection }: Target, account: BareJid): string {
  return `${slot} ${epoch} ${connection} ${account}`
}

/** Reads a hibernation's name; undefined when it is none. */
export function readHibernationName(text: string): NamedHibernation | undefined {
  const [, slot, epoch, connection, address = ''] = shape.exec(text) ?? []
  const jid = parseJid(address)
  if (!jid.ok || !isBare(jid.value)) return undefined
  const target = { slot: Number(slot), epoch: Number(epoch), connection: Number(connection) }
  return Object.values(target).every(Number.isSafeInteger) ? { target, account: jid.value } : undefined
}

// a JID has no space in its localpart or domainpart
const shape = /^(\d+) (\d+) (\d+) (\S+)$/
