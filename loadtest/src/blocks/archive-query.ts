import { attribute, conditionOf, escapeXml } from '../client/stream-text.ts'

/** A question for a page of the own archive. Source: XEP-0313 §4.1 and §4.1.2, XEP-0059 §2.2. Shape: `start` is a UTC time (XEP-0082). */
export function archiveQuery(page: {
  readonly id: string
  readonly max: number
  readonly after?: string
  /** Empty: the newest (XEP-0059 §2.5). */
  readonly before?: string
  readonly start?: string
}): string {
  const form =
    page.start === undefined
      ? ''
      : `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>` +
        `<field var='start'><value>${page.start}</value></field></x>`
  const after = page.after === undefined ? '' : `<after>${escapeXml(page.after)}</after>`
  const before = page.before === undefined ? '' : `<before>${escapeXml(page.before)}</before>`
  const set = `<set xmlns='http://jabber.org/protocol/rsm'><max>${page.max}</max>${after}${before}</set>`
  return `<iq type='set' id='${page.id}'><query xmlns='urn:xmpp:mam:2' queryid='${page.id}'>${form}${set}</query></iq>`
}

/** How a page ended: `last` is where the next one goes on. */
export type PageEnd =
  | { readonly ok: true; readonly isComplete: boolean; readonly last: string }
  | { readonly ok: false; readonly error: string }

/** Reads the answer that ends a page. Source: XEP-0313 §4.2, `<fin/>`. Errors: the condition the server names. */
export function readPageEnd(iq: string): PageEnd {
  const tag = iq.slice(0, iq.indexOf('>') + 1)
  if (attribute(tag, 'type') === 'error') return { ok: false, error: conditionOf(iq) }
  const fin = /<fin\b[^>]*>/.exec(iq)?.[0] ?? ''
  return { ok: true, isComplete: attribute(fin, 'complete') === 'true', last: /<last>([^<]*)</.exec(iq)?.[1] ?? '' }
}

/** How many messages an archive holds, by the answer that ends a page. Source: XEP-0059 §2.6. Errors: undefined where it does not say. */
export function archiveCount(iq: string): number | undefined {
  const count = /<count\b[^>]*>\s*(\d+)\s*</.exec(iq)?.[1]
  return count === undefined ? undefined : Number(count)
}
