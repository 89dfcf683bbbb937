import type { Input } from '@starling/core'
import { type BareJid, bareOf, type Jid } from '@starling/jid'
import type { Envelope } from '@starling/wire'
import { addressed } from './stanza-edit.ts'

/** One account's share of an input. */
export interface Share {
  readonly account: BareJid
  readonly envelope: Envelope
}

/** Splits an input by account: a cast is for many, everything else for its key. */
export function sharesOf({ envelope }: Input): readonly Share[] {
  if (envelope.kind !== 'cast') return [{ account: envelope.key as BareJid, envelope }]
  const { keys, stanza, atMs } = envelope
  return keys.map((to) => {
    const account = bareOf(to as Jid)
    return { account, envelope: { kind: 'account', key: account, atMs, stanza: addressed(stanza, { to: to as Jid }) } }
  })
}
