import { bareJid, normalizeLocalpart, parseJid } from '@starling/jid'
import { failure, type SaslFailure } from './step.ts'

/** Who the client says it is: the localpart it authenticates as, and the address it wants to act as, if it named one. */
export type Identity = { readonly username: string; readonly authorizationId?: string }

/**
 * Brings the names of an exchange to their normal forms and checks that a client acts as nobody but itself.
 * Source: RFC 6120 §6.3.7 (simple user name: the localpart), §6.3.8 (authorization identity: the bare JID).
 * Errors: malformed-request for a name that is no localpart; invalid-authzid for any address but its own.
 */
export function readIdentity(
  authenticationId: string,
  authorizationId: string,
  domain: string,
): { readonly ok: true; readonly value: Identity } | { readonly ok: false; readonly error: SaslFailure } {
  const localpart = normalizeLocalpart(authenticationId)
  if (!localpart.ok) return { ok: false, error: failure('malformed-request', 'the user name is no localpart') }
  const username = localpart.value
  if (authorizationId === '') return { ok: true, value: { username } }
  const wanted = parseJid(authorizationId)
  const own = bareJid(username, domain)
  return wanted.ok && wanted.value === own
    ? { ok: true, value: { username, authorizationId: own } }
    : { ok: false, error: failure('invalid-authzid') } // RFC 6120 §6.5.6
}
