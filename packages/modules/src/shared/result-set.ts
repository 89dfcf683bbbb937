import type { Result } from '@starling/jid'
import { ns, type StanzaError } from '@starling/stanza'
import { type Element, xml } from '@starling/xml'
import { errorOf } from './answers.ts'

/** The page that was asked for. Source: XEP-0059 §2. */
export type PageRequest = {
  /** Units: items; undefined leaves it to the server, 0 asks for the count alone. */
  readonly max?: number
  /** Exclusive. */
  readonly after?: string
  /** Exclusive; '' asks for the last page. */
  readonly before?: string
}

/**
 * Reads the `<set/>` of a request; everything undefined when there is none.
 * Source: XEP-0059 §2.
 * Errors: bad-request for a `max` that is no number; feature-not-implemented for a page by index (§2.6).
 */
export function readPageRequest(parent: Element): Result<PageRequest, StanzaError> {
  const set = parent.getChild('set', ns.rsm)
  if (set === undefined) return { ok: true, value: {} }
  const max = set.getChild('max', ns.rsm)?.getText().trim()
  if (max !== undefined && !/^\d{1,9}$/.test(max))
    return { ok: false, error: errorOf('bad-request', 'max is no number') }
  if (set.getChild('index', ns.rsm) !== undefined) return { ok: false, error: errorOf('feature-not-implemented') }
  const after = set.getChild('after', ns.rsm)?.getText()
  const before = set.getChild('before', ns.rsm)?.getText()
  return {
    ok: true,
    value: {
      ...(max === undefined ? {} : { max: Number(max) }),
      // XEP-0059 §2.2: no `after` is before the first; an empty one says the same
      ...(after === undefined || after === '' ? {} : { after }),
      ...(before === undefined ? {} : { before }),
    },
  }
}

/** The `<set/>` of an answer: first and last item of the page, nothing on an empty one. Source: XEP-0059 §2.2. */
export function pageElement(first: string | undefined, last: string | undefined): Element {
  const ends = first === undefined || last === undefined ? [] : [xml('first', {}, first), xml('last', {}, last)]
  return xml('set', { xmlns: ns.rsm }, ...ends)
}
