import { fromBase64, fromUtf8 } from './bytes.ts'
import { type ChannelBindingType, isChannelBindingType } from './channel-binding.ts'

/**
 * The most bytes a SCRAM message may have: two names and a nonce fit many times.
 * Units: bytes.
 */
export const MAX_MESSAGE_BYTES = 8192

/**
 * The gs2 flag: the client bound the channel, could but saw no offer, or cannot.
 * Source: RFC 5802 §6.
 */
export type BindingFlag =
  | { readonly kind: 'bound'; readonly type: ChannelBindingType | undefined }
  | { readonly kind: 'unoffered' }
  | { readonly kind: 'none' }

/**
 * The client's first message.
 * Source: RFC 5802 §7.
 * Shape: `header` and `bare` are the raw parts that go into the channel binding input and the AuthMessage.
 */
export type ClientFirst = {
  readonly header: string
  readonly bare: string
  readonly flag: BindingFlag
  readonly authorizationId: string
  readonly username: string
  readonly nonce: string
}

/**
 * The client's final message.
 * Source: RFC 5802 §7.
 * Shape: `withoutProof` is the raw part that goes into the AuthMessage.
 */
export type ClientFinal = {
  readonly withoutProof: string
  readonly binding: Uint8Array
  readonly nonce: string
  readonly proof: Uint8Array
}

// RFC 5802 §7: gs2-header, then client-first-message-bare. A reserved-mext (m=) in front does not match: it must be refused.
const FIRST = /^((?:(p)=([A-Za-z0-9.-]+)|([ny])),(?:a=([^,\0]+))?,)(n=([^,\0]+),r=([!-+\--~]+)(?:,[A-Za-z]=[^,\0]+)*)$/u
const FINAL = /^(c=([^,]+),r=([!-+\--~]+)(?:,[A-Za-z]=[^,\0]+)*),p=([^,]+)$/u
const BROKEN_ESCAPE = /=(?!2C|3D)/

/** Reads the client's first message; undefined if it is not one. */
export function readClientFirst(message: Uint8Array): ClientFirst | undefined {
  const match = FIRST.exec(readText(message))
  if (match === null) return undefined
  const [, header = '', bound, type = '', flag, saslAuthorizationId = '', bare = '', saslName = '', nonce = ''] = match
  const authorizationId = unescapeName(saslAuthorizationId)
  const username = unescapeName(saslName)
  if (authorizationId === undefined || username === undefined) return undefined
  return {
    header,
    bare,
    flag: readFlag(bound === undefined ? flag : type, bound !== undefined),
    authorizationId,
    username,
    nonce,
  }
}

/** Reads the client's final message; undefined if it is not one. */
export function readClientFinal(message: Uint8Array): ClientFinal | undefined {
  const match = FINAL.exec(readText(message))
  if (match === null) return undefined
  const [, withoutProof = '', channel = '', nonce = '', proofText = ''] = match
  const binding = fromBase64(channel)
  const proof = fromBase64(proofText)
  return binding === undefined || proof === undefined ? undefined : { withoutProof, binding, nonce, proof }
}

function readText(message: Uint8Array): string {
  return message.byteLength > MAX_MESSAGE_BYTES ? '' : (fromUtf8(message) ?? '')
}

function readFlag(text: string | undefined, isBound: boolean): BindingFlag {
  if (isBound) return { kind: 'bound', type: text !== undefined && isChannelBindingType(text) ? text : undefined }
  return text === 'y' ? { kind: 'unoffered' } : { kind: 'none' }
}

function unescapeName(saslName: string): string | undefined {
  // RFC 5802 §5.1: '=' only as =2C or =3D, else the name is refused.
  return BROKEN_ESCAPE.test(saslName) ? undefined : saslName.replaceAll('=2C', ',').replaceAll('=3D', '=')
}
