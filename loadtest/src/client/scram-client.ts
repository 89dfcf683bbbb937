import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(pbkdf2)

/** Hash of a SCRAM mechanism, by its name in node:crypto. */
export type ScramHash = 'sha1' | 'sha256'

/**
 * Keys a client may keep instead of hashing the password again.
 * Source: RFC 5802 §3; kept per salt and iterations (§5.1).
 */
export interface ClientKeys {
  readonly salt: string
  readonly iterations: number
  readonly hash: ScramHash
  readonly clientKey: Buffer
  readonly serverKey: Buffer
}

/** What a client says next. */
export interface FinalMessage {
  readonly text: string
  readonly keys: ClientKeys
  /** Whether the server's last word proves that it knows the password too. */
  readonly isServer: (serverFinal: string) => boolean
}

/** The first message without its GS2 header. Source: RFC 5802 §5.1, §7 (`=` and `,` in names are escaped). */
export function firstMessage(name: string, nonce: string): string {
  return `n=${name.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`
}

/** Answers the server's challenge. Errors: a sentence. Source: RFC 5802 §3, without channel binding. */
export async function answerChallenge(
  hash: ScramHash,
  exchange: { readonly first: string; readonly challenge: string; readonly password: string },
  kept: ClientKeys | undefined,
): Promise<{ readonly ok: true; readonly value: FinalMessage } | { readonly ok: false; readonly error: string }> {
  const { first, challenge, password } = exchange
  const [, nonce = '', salt = '', rounds = ''] = /^r=([^,]*),s=([^,]*),i=(\d+)/.exec(challenge) ?? []
  const ours = first.slice(first.indexOf(',r=') + 3)
  if (salt === '' || !nonce.startsWith(ours) || nonce.length === ours.length)
    return { ok: false, error: 'the SCRAM challenge is not one' }
  const iterations = Number(rounds)
  const isKept = kept?.salt === salt && kept.iterations === iterations && kept.hash === hash
  const keys = isKept ? kept : await deriveKeys(hash, password, { salt, iterations })
  const storedKey = createHash(hash).update(keys.clientKey).digest()
  const final = `c=biws,r=${nonce}`
  const authMessage = `${first},${challenge},${final}`
  const signature = createHmac(hash, storedKey).update(authMessage).digest()
  const proof = Buffer.from(keys.clientKey.map((byte, at) => byte ^ (signature[at] ?? 0))).toString('base64')
  const expected = createHmac(hash, keys.serverKey).update(authMessage).digest()
  const isServer = (serverFinal: string): boolean => {
    const given = Buffer.from(/^v=([^,]*)/.exec(serverFinal)?.[1] ?? '', 'base64')
    return given.length === expected.length && timingSafeEqual(given, expected)
  }
  return { ok: true, value: { text: `${final},p=${proof}`, keys, isServer } }
}

async function deriveKeys(
  hash: ScramHash,
  password: string,
  { salt, iterations }: { readonly salt: string; readonly iterations: number },
): Promise<ClientKeys> {
  const bytes = hash === 'sha1' ? 20 : 32
  const salted = await derive(password, Buffer.from(salt, 'base64'), iterations, bytes, hash)
  const key = (name: string): Buffer => createHmac(hash, salted).update(name).digest()
  return { salt, iterations, hash, clientKey: key('Client Key'), serverKey: key('Server Key') }
}
