import type { ArchiveQuery } from '@starling/core'
import { type BareJid, bareOf, isFull, parseJid, type Result } from '@starling/jid'
import { ns, type StanzaError } from '@starling/stanza'
import { isArchiveId } from '@starling/wire'
import type { Element } from '@starling/xml'
import { errorOf } from '../shared/answers.ts'
import { readSubmission, singleValue } from '../shared/data-form.ts'
import { parseDateTime } from '../shared/date-time.ts'
import { type PageRequest, readPageRequest } from '../shared/result-set.ts'

/** Limits of one query. Units: messages. */
export type QueryLimits = { readonly pageDefault: number; readonly pageMax: number }

/** How long a `queryid` may be, which comes back with every message of a page. Units: characters. */
export const maxQueryIdCharacters = 256

/** A query as it was understood. */
export type Query = {
  /** `limit` 0 asks for no messages at all (XEP-0059 §2.7). */
  readonly search: ArchiveQuery
  /** Ids that must be in the archive and that `search` does not look for itself, since it has a narrower bound. */
  readonly alsoNeeded: readonly string[]
  /** Given by the client, told with every result. */
  readonly queryId: string | undefined
  /** §4.3.4: the page is sent newest first. */
  readonly isFlipped: boolean
}

type Filter = Omit<ArchiveQuery, 'owner' | 'direction' | 'limit'>
type Read<V> = Result<V, StanzaError>
type Field = (values: readonly string[]) => Read<Filter>

/**
 * Reads `<query/>`.
 * Source: XEP-0313 §4.1, §4.3.
 * Errors: bad-request for a form that makes no sense, feature-not-implemented for a field that is unknown (§4.1.5),
 * item-not-found for an id that cannot be one of ours (§4.1.3, §4.3.2).
 */
export function readQuery(payload: Element, owner: BareJid, limits: QueryLimits): Read<Query> {
  if (payload.attrs['node'] !== undefined) return refuse('item-not-found', 'an account has no nodes') // §6.1.3
  const queryId = payload.attrs['queryid']
  if (queryId !== undefined && queryId.length > maxQueryIdCharacters) {
    return refuse('policy-violation', `a queryid may have ${maxQueryIdCharacters} characters`)
  }
  const filter = readFilter(payload)
  if (!filter.ok) return filter
  const page = readPageRequest(payload)
  if (!page.ok) return page
  const bounds = merge(filter.value, page.value)
  const given = [...bounds.after, ...bounds.before, ...(filter.value.ids ?? [])]
  if (!given.every(isArchiveId)) return refuse('item-not-found')
  const afterId = bounds.after.at(-1)
  const beforeId = bounds.before.at(0)
  const max = page.value.max ?? limits.pageDefault
  return {
    ok: true,
    value: {
      search: {
        ...filter.value,
        owner,
        ...(afterId === undefined ? {} : { afterId }),
        ...(beforeId === undefined ? {} : { beforeId }),
        direction: page.value.before === undefined ? 'first' : 'last', // §4.3.3
        limit: Math.min(max, limits.pageMax), // §4.3.1
      },
      alsoNeeded: [...bounds.after.slice(0, -1), ...bounds.before.slice(1)],
      queryId,
      isFlipped: payload.getChild('flip-page', ns.mam) !== undefined,
    },
  }
}

/** The bounds of form and page together, each side ascending: the narrowest counts. */
function merge(filter: Filter, page: PageRequest): { readonly after: string[]; readonly before: string[] } {
  const present = (ids: readonly (string | undefined)[]): string[] =>
    [...new Set(ids.filter((one) => one !== undefined && one !== ''))].sort() as string[]
  return { after: present([filter.afterId, page.after]), before: present([filter.beforeId, page.before]) }
}

function readFilter(payload: Element): Read<Filter> {
  const x = payload.getChild('x', ns.data)
  if (x === undefined) return { ok: true, value: {} }
  const form = readSubmission(x)
  if (!form.ok) return form
  if (form.value.formType !== ns.mam) return refuse('bad-request', `FORM_TYPE is not ${ns.mam}`) // §4.1: MUST
  let filter: Filter = {}
  for (const [name, values] of form.value.fields) {
    const field = fields.get(name)
    if (field === undefined) return refuse('feature-not-implemented', `unknown field ${name}`) // §4.1.5: MUST
    const read = field(values)
    if (!read.ok) return read
    filter = { ...filter, ...read.value }
  }
  return { ok: true, value: filter }
}

const fields: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['with', single(readWith)],
  ['start', single((text) => readTime(text, (startMs) => ({ startMs })))],
  ['end', single((text) => readTime(text, (endMs) => ({ endMs })))],
  ['before-id', single((beforeId) => ({ ok: true, value: { beforeId } }))],
  ['after-id', single((afterId) => ({ ok: true, value: { afterId } }))],
  ['ids', (values) => ({ ok: true, value: values.length === 0 ? {} : { ids: [...new Set(values)] } })],
  ['include-groupchat', single(readGroupchat)],
])

/** A field of at most one value; left empty it says nothing. */
function single(read: (text: string) => Read<Filter>): Field {
  return (values) => {
    const value = singleValue(values)
    if (!value.ok) return value
    return value.value === undefined ? { ok: true, value: {} } : read(value.value)
  }
}

/** §4.1.1: a bare JID matches every resource, a full one itself. */
function readWith(text: string): Read<Filter> {
  const jid = parseJid(text)
  if (!jid.ok) return refuse('jid-malformed')
  return {
    ok: true,
    value: { with: bareOf(jid.value), ...(isFull(jid.value) ? { withFull: jid.value } : {}) },
  }
}

/** §4.1.2: both ends belong to the span. */
function readTime(text: string, put: (ms: number) => Filter): Read<Filter> {
  const ms = parseDateTime(text)
  return ms === undefined ? refuse('bad-request', 'start and end are times of XEP-0082') : { ok: true, value: put(ms) }
}

/** §4.1.4: understood; an account's archive holds no groupchat, asked for or not. */
function readGroupchat(text: string): Read<Filter> {
  if (['true', 'false', '1', '0'].includes(text)) return { ok: true, value: {} }
  return refuse('bad-request', 'include-groupchat is true or false')
}

function refuse(
  condition: Parameters<typeof errorOf>[0],
  text?: string,
): { readonly ok: false; readonly error: StanzaError } {
  return { ok: false, error: errorOf(condition, text) }
}
