import type { Connection } from '../scenario/scenario.ts'
import { attribute, escapeXml } from './stream-text.ts'

/** What a server offers inside of a sign-in. Source: XEP-0388 §2.1, XEP-0386 §3.1, XEP-0484 §3.1. */
export interface Sasl2Offer {
  readonly mechanisms: readonly string[]
  readonly hasBind: boolean
  /** Namespaces of what goes inside of `<bind/>`. */
  readonly bindFeatures: readonly string[]
  readonly hasResumption: boolean
  readonly tokenMechanisms: readonly string[]
}

/** Reads `<stream:features/>`. Errors: undefined where SASL2 is not offered. */
export function readSasl2Offer(features: string): Sasl2Offer | undefined {
  const whole = /<authentication\b[^>]*urn:xmpp:sasl:2[\s\S]*?<\/authentication>/.exec(features)?.[0]
  if (whole === undefined) return undefined
  const fast = /<fast\b[\s\S]*?<\/fast>/.exec(whole)?.[0] ?? ''
  const inline = /<inline\b[\s\S]*<\/inline>/.exec(whole)?.[0] ?? ''
  return {
    mechanisms: mechanismsOf(whole.replace(inline, '')),
    hasBind: inline.includes('urn:xmpp:bind:0'),
    bindFeatures: [...inline.matchAll(/<feature\b[^>]*\svar=['"]([^'"]*)['"]/g)].map(([, name = '']) => name),
    hasResumption: /<sm\b/.test(inline),
    tokenMechanisms: mechanismsOf(fast),
  }
}

/** The names in `<mechanism/>` elements. */
export function mechanismsOf(text: string): readonly string[] {
  return [...text.matchAll(/<mechanism\b[^>]*>([^<]+)</g)].map(([, name = '']) => name)
}

/** What a client says first. Source: XEP-0388 §2.3. */
export interface Sasl2Authenticate {
  readonly mechanism: string
  /** Base64. */
  readonly initial: string
  /** A UUID, the same for all of a client's sign-ins. */
  readonly client: string
  /** What goes beside it, as text. */
  readonly inline: string
}

/** Writes it. */
export function authenticateText({ mechanism, initial, client, inline }: Sasl2Authenticate): string {
  const agent = `<user-agent id='${client}'><software>Starling load</software></user-agent>`
  return (
    `<authenticate xmlns='urn:xmpp:sasl:2' mechanism='${mechanism}'>` +
    `<initial-response>${initial}</initial-response>${agent}${inline}</authenticate>`
  )
}

/** A resource, with all that the scenario's connection has. Source: XEP-0386 §3.2. */
export function bindText({ streamManagement, carbons, clientState }: Connection, offer: Sasl2Offer): string {
  const has = (namespace: string): boolean => offer.bindFeatures.includes(namespace)
  const sm = streamManagement && has('urn:xmpp:sm:3') ? "<enable xmlns='urn:xmpp:sm:3' resume='true'/>" : ''
  const copies = carbons && has('urn:xmpp:carbons:2') ? "<enable xmlns='urn:xmpp:carbons:2'/>" : ''
  const state = clientState && has('urn:xmpp:csi:0') ? "<inactive xmlns='urn:xmpp:csi:0'/>" : ''
  return `<bind xmlns='urn:xmpp:bind:0'><tag>load</tag>${copies}${sm}${state}</bind>`
}

/** A session to go on with. Source: XEP-0198 §9.2. */
export function resumeText({ id, h }: { readonly id: string; readonly h: number }): string {
  return `<resume xmlns='urn:xmpp:sm:3' h='${h}' previd='${escapeXml(id)}'/>`
}

/** What a success brought. Source: XEP-0388 §2.6.1, XEP-0386 §3.2, XEP-0198 §9, XEP-0484 §3.3. */
export interface Sasl2Success {
  /** The mechanism's last word, decoded. */
  readonly data: Buffer
  readonly jid: string
  readonly isBound: boolean
  /** The SM-ID; undefined where stream management is off, empty where the session cannot be resumed. */
  readonly smId: string | undefined
  /** What the server has handled of the resumed session; undefined if none was. */
  readonly resumedH: number | undefined
  /** The same of a session that could not be resumed, where the server says it. */
  readonly failedH: number | undefined
  readonly token: string
}

/** Reads it. */
export function readSuccess(text: string): Sasl2Success {
  const tag = (name: string): string | undefined => new RegExp(`<${name}\\b[^>]*>`).exec(text)?.[0]
  const inside = (name: string): string => new RegExp(`<${name}\\b[^>]*>([^<]*)<`).exec(text)?.[1]?.trim() ?? ''
  const [enabled, resumed, failed] = [tag('enabled'), tag('resumed'), tag('failed')]
  return {
    data: Buffer.from(inside('additional-data'), 'base64'),
    jid: inside('authorization-identifier'),
    isBound: tag('bound') !== undefined,
    smId: enabled === undefined ? undefined : attribute(enabled, 'id'),
    resumedH: resumed === undefined ? undefined : (countOf(resumed) ?? 0),
    failedH: failed === undefined ? undefined : countOf(failed),
    token: attribute(tag('token') ?? '', 'token'),
  }
}

function countOf(tag: string): number | undefined {
  const h = attribute(tag, 'h')
  return /^\d+$/.test(h) ? Number(h) : undefined
}
