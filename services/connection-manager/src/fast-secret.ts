import { createHash, createHmac } from 'node:crypto'
import type { BareJid } from '@starling/jid'
import type { TokenSlot } from './fast-slots.ts'

/** What a token is made of beside the secret. */
export interface TokenParts {
  readonly account: BareJid
  readonly client: string
  readonly slot: Pick<TokenSlot, 'nonce' | 'mechanism'>
  /** The account's stored credentials: with a new password all tokens are others. */
  readonly credentials: string
}

/** Characters of a client's name in its resource. */
const nameLength = 12

/**
 * The token itself: 256 bits, made anew from its parts whenever it is looked at.
 * Shape: 43 characters of base64url; its UTF-8 is the key of the HT mechanisms.
 */
export function makeToken(secret: Uint8Array, { account, client, slot, credentials }: TokenParts): string {
  const fingerprint = createHash('sha256').update(credentials).digest('base64url')
  const parts = JSON.stringify([account, client, slot.mechanism, slot.nonce, fingerprint])
  return createHmac('sha256', keyFor(secret, 'fast tokens')).update(parts).digest('base64url')
}

/** A name for a client's installation that does not show its id. Source: XEP-0386 §3.2.1. */
export function nameClient(secret: Uint8Array, account: BareJid, client: string): string {
  const parts = JSON.stringify([account, client])
  return createHmac('sha256', keyFor(secret, 'client names')).update(parts).digest('base64url').slice(0, nameLength)
}

/** No localpart has a NUL: what the secret says of names (see pretendSaltOf) never tells one of these keys. */
function keyFor(secret: Uint8Array, purpose: string): Uint8Array {
  return createHmac('sha256', secret).update(`\0${purpose}`).digest()
}
