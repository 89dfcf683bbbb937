import type { ChannelBindingType } from './channel-binding.ts'
import type { StoredCredentials } from './credentials.ts'
import type { Advertised } from './downgrade.ts'

/**
 * The failures of an exchange, by the names the protocol gives them.
 * Source: RFC 6120 §6.5.
 */
export type SaslCondition =
  | 'credentials-expired'
  | 'encryption-required'
  | 'incorrect-encoding'
  | 'invalid-authzid'
  | 'invalid-mechanism'
  | 'malformed-request'
  | 'not-authorized'

/**
 * What the server has to do next in an exchange; the exchange holds no other state.
 * Shape: `data` are the bytes before base64; undefined and empty are not the same (RFC 6120 §6.4.2).
 * Order: `next` is called at most once, and never after `success` or `failure`.
 */
export type SaslStep = SaslChallenge | SaslLookUp | SaslTokenLookUp | SaslSuccess | SaslFailure

/** Send the data and continue with the client's response. */
export type SaslChallenge = {
  readonly do: 'challenge'
  readonly data: Uint8Array
  readonly next: (response: Uint8Array) => SaslStep
}

/** Read the stored keys of this localpart (in normal form), and continue with them, or with undefined if there are none. */
export type SaslLookUp = {
  readonly do: 'lookUp'
  readonly username: string
  readonly next: (credentials: StoredCredentials | undefined) => SaslStep | Promise<SaslStep>
}

/** A token that a client may hold, as it was given to it. */
export type TokenCandidate = { readonly token: string; readonly isExpired: boolean }

/** Find the tokens that the client in question may hold for this mechanism, at most two, and continue with them. */
export type SaslTokenLookUp = {
  readonly do: 'lookUpTokens'
  readonly username: string
  readonly next: (tokens: readonly TokenCandidate[]) => SaslStep
}

/**
 * The client is who it says; `authorizationId` is there if it asked for one, and is then its own bare JID; `token` says which
 * of the tokens that were looked up it used.
 */
export type SaslSuccess = {
  readonly do: 'success'
  readonly username: string
  readonly authorizationId?: string
  readonly data?: Uint8Array
  readonly token?: number
}

/** The exchange is over; `text` is for people and tells nothing about the account. */
export type SaslFailure = { readonly do: 'failure'; readonly condition: SaslCondition; readonly text?: string }

/**
 * What an exchange needs from its connection and its server.
 * Shape: `offered` is what was advertised on this stream; `nonce` gives fresh printable ASCII without a comma, 128 bits or
 *   more; `pretendSalt` is the same for the same name at all times, and cannot be told from a real one; with `advertised`, SCRAM says what was
 *   advertised under its signatures (XEP-0474).
 */
export type SaslContext = {
  readonly nonce: () => string
  readonly domain: string
  readonly isSecure: boolean
  readonly offered: readonly string[]
  readonly advertised?: Advertised
  readonly channelBinding: (type: ChannelBindingType) => Uint8Array | undefined
  readonly pretendSalt: (username: string) => { readonly salt: Uint8Array; readonly iterations: number }
}

/** Ends an exchange. */
export function failure(condition: SaslCondition, text?: string): SaslFailure {
  return text === undefined ? { do: 'failure', condition } : { do: 'failure', condition, text }
}
