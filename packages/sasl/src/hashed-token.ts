import { createHmac } from 'node:crypto'
import { areEqual, fromUtf8 } from './bytes.ts'
import type { ChannelBindingType } from './channel-binding.ts'
import { readIdentity } from './identity.ts'
import { failure, type SaslContext, type SaslFailure, type SaslStep, type TokenCandidate } from './step.ts'

/** A hashed-token mechanism: the channel binding that its tokens are tied to, if any. */
export type HashedTokenVariant = { readonly binding: ChannelBindingType | undefined }

/** The most bytes a name may have here. Source: draft-schmaus-kitten-sasl-ht §3.1 (at least 255). Units: bytes. */
const MAX_NAME_BYTES = 1023

/** Units: bytes of an HMAC with SHA-256. */
const PROOF_BYTES = 32

/** Tokens that an exchange is checked against, whatever is there: as many as one client may have at a time. */
const CHECKED_TOKENS = 2

/**
 * Runs HT-SHA-256-* from the client's one message.
 * Source: draft-schmaus-kitten-sasl-ht §3, §4; XEP-0484 §3.4.
 * Errors: credentials-expired where the proof is right and the token too old (XEP-0484 §4.2); not-authorized for all else that
 * is well-formed, an unknown account included, after the same work.
 */
export function startHashedToken(variant: HashedTokenVariant, message: Uint8Array, context: SaslContext): SaslStep {
  const end = message.indexOf(0)
  const name = end < 1 || end > MAX_NAME_BYTES ? undefined : fromUtf8(message.subarray(0, end))
  const proof = message.subarray(end + 1)
  if (name === undefined || proof.byteLength !== PROOF_BYTES) {
    return failure('malformed-request', 'not authcid NUL hashed token') // §3.1
  }
  // The mechanism has no place for an authorization identity (§1.2).
  const identity = readIdentity(name, '', context.domain)
  if (!identity.ok) return identity.error
  const channel = variant.binding === undefined ? new Uint8Array() : context.channelBinding(variant.binding)
  if (channel === undefined) return failure('not-authorized', 'this channel binding is not available')
  const { username } = identity.value
  return {
    do: 'lookUpTokens',
    username,
    next: (tokens) => checkTokens(tokens, { username, proof, channel }),
  }
}

function checkTokens(
  tokens: readonly TokenCandidate[],
  given: { readonly username: string; readonly proof: Uint8Array; readonly channel: Uint8Array },
): SaslStep | SaslFailure {
  let found: number | undefined
  // Each place is computed, taken or not: neither an unknown account nor a missing token shows in the time.
  for (let index = 0; index < Math.max(CHECKED_TOKENS, tokens.length); index++) {
    const candidate = tokens[index]
    const expected = hashToken(candidate?.token ?? '', 'Initiator', given.channel)
    if (areEqual(expected, given.proof) && candidate !== undefined && found === undefined) found = index
  }
  const matched = found === undefined ? undefined : tokens[found]
  if (found === undefined || matched === undefined) return failure('not-authorized')
  if (matched.isExpired) return failure('credentials-expired')
  const data = hashToken(matched.token, 'Responder', given.channel) // §3.3: the server proves that it knows the token too
  return { do: 'success', username: given.username, data, token: found }
}

/** Source: draft-schmaus-kitten-sasl-ht §3.1, §3.3: the key is the token's text as it was given to the client. */
function hashToken(token: string, side: 'Initiator' | 'Responder', channel: Uint8Array): Uint8Array {
  return createHmac('sha256', Buffer.from(token, 'utf8')).update(side).update(channel).digest()
}
