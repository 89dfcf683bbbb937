import { ns } from '@starling/stanza'
import { bodyNamespace, escapeXml } from '@starling/xml'

/** Attributes of an answer; those without a value are left out. */
export type BodyAttributes = Readonly<Record<string, string | number | undefined>>

/** Why a session ends. Source: XEP-0124 §17.2. */
export type EndCondition =
  | 'bad-request'
  | 'item-not-found'
  | 'policy-violation'
  | 'remote-stream-error'
  | 'system-shutdown'
  | 'undefined-condition'

/** One answer: a `<body/>` around elements that stand alone. Source: XEP-0124 §6; XEP-0206 §2 (it names the streams' prefix). */
export function bodyBytes(attributes: BodyAttributes, payloads: readonly Uint8Array[] = []): Uint8Array {
  let start = `<body xmlns='${bodyNamespace}'`
  if (payloads.length > 0) start += ` xmlns:stream='${ns.streams}'`
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) start += ` ${name}='${escapeXml(String(value))}'`
  }
  if (payloads.length === 0) return Buffer.from(`${start}/>`)
  return Buffer.concat([Buffer.from(`${start}>`), ...payloads, Buffer.from('</body>')])
}

/** The last answer of a session. Source: XEP-0124 §13, §17.2. */
export function endBytes(condition?: EndCondition): Uint8Array {
  return bodyBytes({ type: 'terminate', condition })
}
