import { createHash, createHmac, pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { enforceOpaqueString, type Result } from '@starling/jid'
import { fromBase64, toBase64 } from './bytes.ts'

/**
 * What a server keeps of a password for one hash: it can check a client with it, but not log in.
 * Source: RFC 5802 §3.
 */
export type ScramKeys = {
  readonly salt: Uint8Array
  readonly iterations: number
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
}

/** What a server keeps of an account's password. */
export type StoredCredentials = { readonly sha1: ScramKeys; readonly sha256: ScramKeys }

/** The hashes SCRAM is spoken with here, by their names in node:crypto. */
export type ScramHash = keyof StoredCredentials

/** Why a password or a stored text cannot be used; `text` never quotes it. */
export type CredentialsError = {
  readonly condition: 'password-malformed' | 'credentials-malformed'
  readonly text: string
}

/**
 * The length of the keys of each hash.
 * Units: bytes.
 */
export const KEY_BYTES: { readonly [hash in ScramHash]: number } = { sha1: 20, sha256: 32 }

/**
 * The most bytes a password may have: what a client sends is hashed, so it is bounded first.
 * Units: bytes.
 */
export const MAX_PASSWORD_BYTES = 1024

const MAX_ITERATIONS = 10_000_000
const FORMAT = 'scram-1'
const derive = promisify(pbkdf2)

/**
 * Computes what is stored of a password.
 * Source: RFC 5802 §3; the password is brought to its OpaqueString form (RFC 8265 §4.2, which replaced SASLprep).
 * Errors: password-malformed if it is empty, too long, or holds what OpaqueString forbids.
 */
export async function deriveCredentials(
  password: string,
  options: { readonly salt: Uint8Array; readonly iterations: number },
): Promise<Result<StoredCredentials, CredentialsError>> {
  const prepared = preparePassword(password)
  if (prepared === undefined) {
    return refuse('password-malformed', 'the password is empty, too long, or holds forbidden characters')
  }
  const [sha1, sha256] = await Promise.all([
    deriveKeys('sha1', prepared, options),
    deriveKeys('sha256', prepared, options),
  ])
  return { ok: true, value: { sha1, sha256 } }
}

/** Brings a password to the form it is hashed in; undefined if it has none. */
export function preparePassword(password: string): string | undefined {
  return password.length > MAX_PASSWORD_BYTES || Buffer.byteLength(password) > MAX_PASSWORD_BYTES
    ? undefined
    : enforceOpaqueString(password)
}

/**
 * Computes the keys for one hash of a prepared password, on a thread of the platform's pool.
 * Source: RFC 5802 §3.
 */
export async function deriveKeys(
  hash: ScramHash,
  password: string,
  options: { readonly salt: Uint8Array; readonly iterations: number },
): Promise<ScramKeys> {
  const { salt, iterations } = options
  const salted = await derive(password, salt, iterations, KEY_BYTES[hash], hash)
  const clientKey = createHmac(hash, salted).update('Client Key').digest()
  return {
    salt,
    iterations,
    storedKey: createHash(hash).update(clientKey).digest(),
    serverKey: createHmac(hash, salted).update('Server Key').digest(),
  }
}

/**
 * Writes credentials as ASCII for a database column.
 * Shape: `scram-1$sha1$sha256`, each `iterations:salt:storedKey:serverKey`, the bytes in base64.
 */
export function encodeCredentials(credentials: StoredCredentials): string {
  return [FORMAT, encodeKeys(credentials.sha1), encodeKeys(credentials.sha256)].join('$')
}

/**
 * Reads what `encodeCredentials` wrote.
 * Errors: credentials-malformed.
 */
export function decodeCredentials(text: string): Result<StoredCredentials, CredentialsError> {
  const [format, first, second, ...rest] = text.split('$')
  if (format !== FORMAT || first === undefined || second === undefined || rest.length > 0) {
    return refuse('credentials-malformed', 'not of the form scram-1$sha1$sha256')
  }
  const sha1 = decodeKeys('sha1', first)
  const sha256 = decodeKeys('sha256', second)
  return sha1 === undefined || sha256 === undefined
    ? refuse('credentials-malformed', 'a part is not iterations:salt:storedKey:serverKey')
    : { ok: true, value: { sha1, sha256 } }
}

function encodeKeys(keys: ScramKeys): string {
  return [keys.iterations, toBase64(keys.salt), toBase64(keys.storedKey), toBase64(keys.serverKey)].join(':')
}

function decodeKeys(hash: ScramHash, text: string): ScramKeys | undefined {
  const [count = '', ...parts] = text.split(':')
  const [salt, storedKey, serverKey, ...rest] = parts.map(fromBase64)
  const iterations = /^[1-9][0-9]{0,7}$/.test(count) ? Number(count) : 0
  if (iterations < 1 || iterations > MAX_ITERATIONS || rest.length > 0) return undefined
  if (salt === undefined || salt.byteLength === 0) return undefined
  if (storedKey?.byteLength !== KEY_BYTES[hash] || serverKey?.byteLength !== KEY_BYTES[hash]) return undefined
  return { salt, iterations, storedKey, serverKey }
}

function refuse(condition: CredentialsError['condition'], text: string): { ok: false; error: CredentialsError } {
  return { ok: false, error: { condition, text } }
}
