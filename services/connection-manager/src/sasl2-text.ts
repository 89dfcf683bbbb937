import { ns } from '@starling/stanza'
import { escapeText, escapeXml } from '@starling/xml'

/** A token that was made, as its client is told. Source: XEP-0484 §3.3. */
export interface IssuedToken {
  readonly token: string
  /** Units: ms since 1970. */
  readonly expiresAtMs: number
}

/** A challenge. Source: XEP-0388 §2.2, §2.5. */
export function challengeText(data: Uint8Array): string {
  return `<challenge xmlns='${ns.sasl2}'>${Buffer.from(data).toString('base64')}</challenge>`
}

/** A failure: the condition is SASL's own, of RFC 6120 §6.5. Source: XEP-0388 §2.6.2. */
export function failureText(condition: string, text?: string): string {
  const sentence = text === undefined ? '' : `<text>${escapeText(text)}</text>`
  return `<failure xmlns='${ns.sasl2}'><${condition} xmlns='${ns.sasl}'/>${sentence}</failure>`
}

/** A success, with all that the sign-in brought along. Source: XEP-0388 §2.6.1. */
export function successText(success: {
  /** Absent where the mechanism has none to give. */
  readonly data?: Uint8Array | undefined
  /** Bare; full when a resource is bound. */
  readonly jid: string
  /** Answers to what was asked for inside, as text. */
  readonly inline: string
  readonly issued?: IssuedToken | undefined
}): string {
  const { data, jid, inline, issued } = success
  const additional =
    data === undefined ? '' : `<additional-data>${Buffer.from(data).toString('base64')}</additional-data>`
  const identifier = `<authorization-identifier>${escapeText(jid)}</authorization-identifier>`
  const token = issued === undefined ? '' : tokenText(issued)
  return `<success xmlns='${ns.sasl2}'>${additional}${identifier}${inline}${token}</success>`
}

/** Source: XEP-0484 §3.3; XEP-0082 for the time. */
function tokenText({ token, expiresAtMs }: IssuedToken): string {
  const expiry = new Date(expiresAtMs).toISOString()
  return `<token xmlns='${ns.fast}' expiry='${expiry}' token='${escapeXml(token)}'/>`
}
