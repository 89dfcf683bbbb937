import { type Condition, ns } from '@starling/stanza'
import type { SignalHead } from '@starling/wire'
import { escapeXml } from '@starling/xml'
import { readH } from './sm-counts.ts'
import type { SignedIn, StreamPhase } from './stream-state.ts'

/** Longest SM-ID looked for; ours are shorter. Units: UTF-16 code units. */
const maxSmIdLength = 256

/** The attributes of an element of a client. */
interface Attributed {
  readonly attributes: Readonly<Record<string, string | undefined>>
}

/** The phase of a stream whose former session is its own again. */
export function resumedPhase(
  { account }: SignedIn,
  head: Extract<SignalHead, { readonly signal: 'resumed' }>,
): Extract<StreamPhase, { readonly kind: 'bound' }> {
  return { kind: 'bound', account, jid: head.jid as never, sm: 'on' }
}

/** What an `<enable/>` asks for, cut to what the server gives. Source: XEP-0198 §3. Units of `resumeSeconds`: s. */
export function readEnable(element: Attributed, resumeSeconds: number): { readonly maxSeconds: number } {
  const { resume, max } = element.attributes
  if (resume !== 'true' && resume !== '1') return { maxSeconds: 0 }
  const asked = max !== undefined && /^\d{1,9}$/.test(max) ? Number(max) : 0
  return { maxSeconds: Math.min(asked === 0 ? resumeSeconds : asked, resumeSeconds) }
}

/** What a `<resume/>` asks for. Source: XEP-0198 §5. Errors: the condition of `<failed/>`. */
export function readResume(
  element: Attributed,
  resumeSeconds: number,
):
  | { readonly ok: true; readonly smId: string; readonly h: number }
  | { readonly ok: false; readonly condition: Condition } {
  const smId = element.attributes['previd'] ?? ''
  const h = readH(element.attributes['h'])
  if (resumeSeconds === 0) return { ok: false, condition: 'feature-not-implemented' } // XEP-0198 §5
  if (smId === '' || h === undefined) return { ok: false, condition: 'bad-request' }
  if (smId.length > maxSmIdLength) return { ok: false, condition: 'item-not-found' }
  return { ok: true, smId, h }
}

/** `<enabled/>`. Source: XEP-0198 §3. */
export function enabledText({ smId, maxSeconds }: Extract<SignalHead, { readonly signal: 'enabled' }>): string {
  if (maxSeconds === 0) return `<enabled xmlns='${ns.sm}'/>`
  return `<enabled xmlns='${ns.sm}' id='${escapeXml(smId)}' resume='true' max='${maxSeconds}'/>`
}

/** `<resumed/>`. Source: XEP-0198 §5. */
export function resumedText({ smId, count }: Extract<SignalHead, { readonly signal: 'resumed' }>): string {
  return `<resumed xmlns='${ns.sm}' previd='${escapeXml(smId)}' h='${count}'/>`
}

/** `<failed/>`. Source: XEP-0198 §5, §6. */
export function failedText(condition: Condition, h?: number): string {
  const counted = h === undefined ? '' : ` h='${h}'`
  return `<failed xmlns='${ns.sm}'${counted}><${condition} xmlns='${ns.stanzaErrors}'/></failed>`
}
