import type { ChannelBindingType } from './channel-binding.ts'
import type { HashedTokenVariant } from './hashed-token.ts'
import type { ScramVariant } from './scram.ts'

type PasswordMechanism = ({ readonly kind: 'scram' } & ScramVariant) | { readonly kind: 'plain' }
type TokenMechanism = { readonly kind: 'hashedToken' } & HashedTokenVariant

/** How a mechanism is run. */
export type Mechanism = PasswordMechanism | TokenMechanism

// Strongest first. RFC 6120 §13.8 asks for SCRAM-SHA-1, its -PLUS and PLAIN; RFC 7677 adds SHA-256.
const MECHANISMS: ReadonlyMap<string, PasswordMechanism> = new Map<string, PasswordMechanism>([
  ['SCRAM-SHA-256-PLUS', { kind: 'scram', hash: 'sha256', isPlus: true }],
  ['SCRAM-SHA-1-PLUS', { kind: 'scram', hash: 'sha1', isPlus: true }],
  ['SCRAM-SHA-256', { kind: 'scram', hash: 'sha256', isPlus: false }],
  ['SCRAM-SHA-1', { kind: 'scram', hash: 'sha1', isPlus: false }],
  ['PLAIN', { kind: 'plain' }],
])

// Strongest first. XEP-0484 §3.1: some that bind the channel, and one for clients that cannot.
const TOKEN_MECHANISMS: ReadonlyMap<string, TokenMechanism> = new Map<string, TokenMechanism>([
  ['HT-SHA-256-EXPR', { kind: 'hashedToken', binding: 'tls-exporter' }],
  ['HT-SHA-256-ENDP', { kind: 'hashedToken', binding: 'tls-server-end-point' }],
  ['HT-SHA-256-NONE', { kind: 'hashedToken', binding: undefined }],
])

/** Finds a mechanism by its name, which is upper-case (RFC 4422 §3.1). */
export function findMechanism(name: string): Mechanism | undefined {
  return MECHANISMS.get(name) ?? TOKEN_MECHANISMS.get(name)
}

/**
 * Lists what a stream offers, strongest first: -PLUS only where the channel can be bound, PLAIN only where it is encrypted.
 * Source: RFC 6120 §6.3.3, §13.8.4.
 */
export function offeredMechanisms(stream: {
  readonly isSecure: boolean
  readonly channelBindings: readonly ChannelBindingType[]
}): readonly string[] {
  const canBind = stream.isSecure && stream.channelBindings.length > 0
  return [...MECHANISMS]
    .filter(([, it]) => (it.kind === 'plain' ? stream.isSecure : canBind || !it.isPlus))
    .map(([name]) => name)
}

/**
 * Lists the mechanisms of tokens that a stream offers, strongest first, each only where its channel can be bound.
 * Source: XEP-0484 §3.1.
 */
export function offeredTokenMechanisms(channelBindings: readonly ChannelBindingType[]): readonly string[] {
  return [...TOKEN_MECHANISMS]
    .filter(([, { binding }]) => binding === undefined || channelBindings.includes(binding))
    .map(([name]) => name)
}
