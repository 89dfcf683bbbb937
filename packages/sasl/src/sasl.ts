import { startHashedToken } from './hashed-token.ts'
import { findMechanism, type Mechanism } from './mechanisms.ts'
import { startPlain } from './plain.ts'
import { startScram } from './scram.ts'
import { failure, type SaslContext, type SaslStep } from './step.ts'

export { type ChannelBindingType, channelBindingEndPointHash } from './channel-binding.ts'
export {
  type CredentialsError,
  decodeCredentials,
  deriveCredentials,
  encodeCredentials,
  type ScramKeys,
  type StoredCredentials,
} from './credentials.ts'
export type { Advertised } from './downgrade.ts'
export { offeredMechanisms, offeredTokenMechanisms } from './mechanisms.ts'
export type {
  SaslChallenge,
  SaslCondition,
  SaslContext,
  SaslFailure,
  SaslLookUp,
  SaslStep,
  SaslSuccess,
  SaslTokenLookUp,
  TokenCandidate,
} from './step.ts'

/**
 * Begins an exchange: every mechanism here lets the client speak first.
 * Source: RFC 6120 §6.4.2.
 * Shape: `initial` is undefined where the client sent no initial response, and empty where it sent '='.
 * Errors: invalid-mechanism for what was not offered; what a client sends never throws.
 */
export function startSasl(mechanism: string, initial: Uint8Array | undefined, context: SaslContext): SaslStep {
  const found = context.offered.includes(mechanism) ? findMechanism(mechanism) : undefined
  if (found === undefined) {
    // RFC 6120 §6.5.4: a client that asks for PLAIN on a bare stream is told why it was not offered.
    const isPlainTooEarly = mechanism === 'PLAIN' && !context.isSecure
    return failure(isPlainTooEarly ? 'encryption-required' : 'invalid-mechanism')
  }
  if (initial !== undefined) return runMechanism(found, initial, context)
  // RFC 6120 §6.4.2: no initial response; an empty challenge asks for it.
  return { do: 'challenge', data: new Uint8Array(), next: (response) => runMechanism(found, response, context) }
}

function runMechanism(mechanism: Mechanism, message: Uint8Array, context: SaslContext): SaslStep {
  switch (mechanism.kind) {
    case 'plain':
      return startPlain(message, context)
    case 'hashedToken':
      return startHashedToken(mechanism, message, context)
    case 'scram':
      return startScram(mechanism, message, context)
    default: {
      const unknown: never = mechanism
      return unknown
    }
  }
}
