import type { Connection, Mechanism } from '../scenario/scenario.ts'
import type { FastToken } from './fast-token.ts'
import type { ClientKeys, ScramHash } from './scram-client.ts'

/** A session that may be resumed. */
export interface Resumable {
  readonly id: string
  /** Stanzas received in it. */
  readonly h: number
}

/** A new session. */
export interface Bound {
  readonly jid: string
  /** Empty where it cannot be resumed. */
  readonly smId: string
  /** Whether the client is still to say that it is inactive, and the server knows what that means (XEP-0352). */
  readonly hasClientState: boolean
  /** Whether carbons are on already. */
  readonly hasCarbons: boolean
}

/** What a sign-in needs, and whom it tells. */
export interface SignInPorts {
  readonly connection: Connection
  readonly name: string
  readonly password: string
  /** Id of the installation (XEP-0388 §2.3). */
  readonly client: string
  readonly nonce: string
  readonly keys: ClientKeys | undefined
  readonly token: FastToken | undefined
  /** Makes the account first (XEP-0077). */
  readonly isNew: boolean
  readonly resume: Resumable | undefined
  readonly write: (text: string) => void
  readonly startTls: () => void
  /** A new stream on the same connection (RFC 6120 §6.4.6). */
  readonly restart: () => void
  readonly onKeys: (keys: ClientKeys) => void
  /** A token to keep, in place of the one before. */
  readonly onToken: (token: FastToken) => void
  readonly onTokenUsed: () => void
  readonly onTokenRefused: () => void
  /** XEP-0198 begins: what is sent from now on counts. */
  readonly onEnable: () => void
  readonly onBound: (session: Bound) => void
  readonly onResumed: (h: number) => void
  readonly onNotResumed: (h: number | undefined) => void
  readonly onFailure: (reason: string) => void
}

/** Takes the scenario's mechanism, or the strongest that both know. Errors: a sentence. */
export function chooseMechanism(
  wanted: Mechanism,
  offered: readonly string[],
): { readonly ok: true; readonly value: string } | { readonly ok: false; readonly error: string } {
  const usable = wanted === 'auto' ? ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN'] : [wanted]
  const value = usable.find((one) => offered.includes(one))
  if (value !== undefined) return { ok: true, value }
  return { ok: false, error: `the server offers ${offered.join(', ') || 'no mechanism'}, not ${usable.join(' or ')}` }
}

/** The hash of a SCRAM mechanism. */
export function hashOf(mechanism: string): ScramHash {
  return mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha1'
}
