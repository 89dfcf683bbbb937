import { areEqual, fromUtf8 } from './bytes.ts'
import { deriveKeys, KEY_BYTES, preparePassword, type StoredCredentials } from './credentials.ts'
import { type Identity, readIdentity } from './identity.ts'
import { failure, type SaslContext, type SaslStep } from './step.ts'

/**
 * Runs PLAIN from the client's one message.
 * Source: RFC 4616 §2.
 */
export function startPlain(message: Uint8Array, context: SaslContext): SaslStep {
  // RFC 6120 §13.8.4, RFC 4616 §5: a password goes over the wire in an encrypted stream only.
  if (!context.isSecure) return failure('encryption-required')
  const text = fromUtf8(message)
  const [authorizationId, authenticationId, password, ...rest] = text?.split('\0') ?? []
  if (authorizationId === undefined || authenticationId === undefined || password === undefined || rest.length > 0) {
    return failure('malformed-request', 'not authzid NUL authcid NUL passwd') // RFC 4616 §2
  }
  const identity = readIdentity(authenticationId, authorizationId, context.domain)
  if (!identity.ok) return identity.error
  const prepared = preparePassword(password)
  if (prepared === undefined) return failure('malformed-request', 'the password is empty, too long, or malformed')
  return {
    do: 'lookUp',
    username: identity.value.username,
    next: (credentials) => checkPassword(identity.value, prepared, { credentials, context }),
  }
}

async function checkPassword(
  identity: Identity,
  password: string,
  known: { readonly credentials: StoredCredentials | undefined; readonly context: SaslContext },
): Promise<SaslStep> {
  const stored = known.credentials?.sha256
  // An account that is not there costs the same derivation, so that time does not tell it from a wrong password.
  const derived = await deriveKeys('sha256', password, stored ?? known.context.pretendSalt(identity.username))
  const isRight = areEqual(derived.storedKey, stored?.storedKey ?? new Uint8Array(KEY_BYTES.sha256))
  return stored !== undefined && isRight ? { do: 'success', ...identity } : failure('not-authorized')
}
