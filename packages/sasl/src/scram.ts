import { createHash, createHmac } from 'node:crypto'
import { areEqual, toBase64 } from './bytes.ts'
import { KEY_BYTES, type ScramHash, type ScramKeys, type StoredCredentials } from './credentials.ts'
import { downgradeHash } from './downgrade.ts'
import { type Identity, readIdentity } from './identity.ts'
import { type ClientFirst, readClientFinal, readClientFirst } from './scram-message.ts'
import { failure, type SaslContext, type SaslFailure, type SaslStep } from './step.ts'

/** A SCRAM mechanism: its hash, and whether it binds the channel (-PLUS). */
export type ScramVariant = { readonly hash: ScramHash; readonly isPlus: boolean }

type Exchange = {
  readonly variant: ScramVariant
  readonly context: SaslContext
  readonly identity: Identity
  readonly first: ClientFirst
  readonly channel: Uint8Array
}

/**
 * Runs SCRAM from the client's first message.
 * Source: RFC 5802 §3, §5, §6; RFC 7677.
 */
export function startScram(variant: ScramVariant, message: Uint8Array, context: SaslContext): SaslStep {
  const first = readClientFirst(message)
  if (first === undefined) return failure('malformed-request', 'no client-first-message')
  const channel = bindChannel(variant, first, context)
  if (!(channel instanceof Uint8Array)) return channel
  const identity = readIdentity(first.username, first.authorizationId, context.domain)
  if (!identity.ok) return identity.error
  const exchange: Exchange = { variant, context, identity: identity.value, first, channel }
  return {
    do: 'lookUp',
    username: identity.value.username,
    next: (credentials) => challengeClient(exchange, credentials),
  }
}

function bindChannel(variant: ScramVariant, first: ClientFirst, context: SaslContext): Uint8Array | SaslFailure {
  const flag = first.flag
  switch (flag.kind) {
    case 'bound': {
      // RFC 5802 §6: p goes with a -PLUS mechanism, and only there.
      if (!variant.isPlus) return failure('malformed-request', 'this mechanism binds no channel')
      const data = flag.type === undefined ? undefined : context.channelBinding(flag.type)
      return data ?? failure('not-authorized', 'this channel binding is not available')
    }
    case 'unoffered': {
      if (variant.isPlus) return failure('malformed-request', 'this mechanism binds the channel')
      // RFC 5802 §6: the client could bind and saw no offer; if we made one, somebody took it away.
      const wasOffered = context.offered.some((mechanism) => mechanism.endsWith('-PLUS'))
      return wasOffered ? failure('not-authorized', 'the offer of channel binding was lost') : new Uint8Array()
    }
    case 'none':
      return variant.isPlus ? failure('malformed-request', 'this mechanism binds the channel') : new Uint8Array()
    default: {
      const unknown: never = flag
      return unknown
    }
  }
}

function challengeClient(exchange: Exchange, credentials: StoredCredentials | undefined): SaslStep {
  const { variant, context, identity, first } = exchange
  const known = credentials?.[variant.hash]
  const keys = known ?? pretendKeys(exchange)
  const nonce = first.nonce + context.nonce()
  // RFC 5802 §7 server-first-message; extensions stand at its end, and clients skip those they do not know (§5.1)
  const serverFirst = `r=${nonce},s=${toBase64(keys.salt)},i=${keys.iterations}${downgradeAttribute(exchange)}`
  return {
    do: 'challenge',
    data: Buffer.from(serverFirst, 'utf8'),
    next(response) {
      const final = readClientFinal(response)
      if (final === undefined || final.proof.byteLength !== KEY_BYTES[variant.hash]) {
        return failure('malformed-request', 'no client-final-message')
      }
      const authMessage = `${first.bare},${serverFirst},${final.withoutProof}` // RFC 5802 §3 AuthMessage
      // All four are computed whatever the others say: an unknown account takes the same time and gets the same answer.
      const isRightChannel = areEqual(
        final.binding,
        Buffer.concat([Buffer.from(first.header, 'utf8'), exchange.channel]),
      )
      const isRightNonce = areEqual(Buffer.from(final.nonce, 'utf8'), Buffer.from(nonce, 'utf8'))
      const isRightProof = checkProof(variant.hash, keys, { authMessage, proof: final.proof })
      const signature = createHmac(variant.hash, keys.serverKey).update(authMessage).digest()
      if (!isRightChannel || !isRightNonce || !isRightProof || known === undefined) return failure('not-authorized')
      return { do: 'success', ...identity, data: Buffer.from(`v=${toBase64(signature)}`, 'utf8') }
    },
  }
}

/** Source: XEP-0474 §6.1. */
function downgradeAttribute({ variant, context }: Exchange): string {
  return context.advertised === undefined ? '' : `,h=${downgradeHash(variant.hash, context.advertised)}`
}

function pretendKeys(exchange: Exchange): ScramKeys {
  const none = new Uint8Array(KEY_BYTES[exchange.variant.hash])
  const { salt, iterations } = exchange.context.pretendSalt(exchange.identity.username)
  return { salt, iterations, storedKey: none, serverKey: none }
}

function checkProof(
  hash: ScramHash,
  keys: ScramKeys,
  given: { readonly authMessage: string; readonly proof: Uint8Array },
): boolean {
  // RFC 5802 §3: ClientKey := ClientProof XOR HMAC(StoredKey, AuthMessage); H(ClientKey) is the StoredKey.
  const signature = createHmac(hash, keys.storedKey).update(given.authMessage).digest()
  const clientKey = given.proof.map((byte, index) => byte ^ (signature[index] ?? 0))
  return areEqual(createHash(hash).update(clientKey).digest(), keys.storedKey)
}
