import type { ArchiveBounds, ArchiveRow, Effect } from '@starling/core'
import type { BareJid, Jid } from '@starling/jid'
import { ns } from '@starling/stanza'
import { type Element, escapeXml, xml } from '@starling/xml'
import { type Field, formElement } from '../shared/data-form.ts'
import { dateTime } from '../shared/date-time.ts'
import { forwarded, wrappedFor } from '../shared/forward.ts'
import { pageElement } from '../shared/result-set.ts'

/** One archived message on its way to who asked for it. Source: XEP-0313 §4.2. */
export function resultEffect(row: ArchiveRow, archive: BareJid, to: Jid, queryId: string | undefined): Effect {
  const { before, inner, after } = forwarded(row.raw, row.atMs)
  const query = queryId === undefined ? '' : ` queryid='${escapeXml(queryId)}'`
  const stanza = wrappedFor(
    {
      from: archive, // §8.2: what the client checks
      type: 'normal',
      payload: `{${ns.mam}}result`,
      before: `<result xmlns='${ns.mam}'${query} id='${escapeXml(row.id)}'>${before}`,
      inner,
      after: `${after}</result>`,
    },
    to,
  )
  return { do: 'send', stanza }
}

/**
 * The end of a query. Source: XEP-0313 §4, §4.3.2.
 * Shape: first and last are the oldest and newest of the page, flipped or not. The archive is read in the order it is
 * written, so its pages are stable.
 */
export function finElement(rows: readonly ArchiveRow[], isComplete: boolean): Element {
  return xml(
    'fin',
    { xmlns: ns.mam, ...(isComplete ? { complete: 'true' } : {}), stable: 'true' },
    pageElement(rows.at(0)?.id, rows.at(-1)?.id),
  )
}

/** First and last message of an archive, nothing of an empty one. Source: XEP-0313 §5. */
export function metadataElement(bounds: ArchiveBounds): Element {
  const { first, last } = bounds
  if (first === undefined || last === undefined) return xml('metadata', { xmlns: ns.mam })
  return xml(
    'metadata',
    { xmlns: ns.mam },
    xml('start', { id: first.id, timestamp: dateTime(first.atMs) }),
    xml('end', { id: last.id, timestamp: dateTime(last.atMs) }),
  )
}

/** The fields a query may have. Source: XEP-0313 §4.1.5. */
export function fieldsElement(): Element {
  const fields: readonly Field[] = [
    { name: 'with', type: 'jid-single' },
    { name: 'start', type: 'text-single' },
    { name: 'end', type: 'text-single' },
    { name: 'before-id', type: 'text-single' },
    { name: 'after-id', type: 'text-single' },
    // §4.1.5: open to any value, since listing all of them is out of the question
    {
      name: 'ids',
      type: 'list-multi',
      more: [xml('validate', { xmlns: ns.validate, datatype: 'xs:string' }, xml('open'))],
    },
    { name: 'include-groupchat', type: 'boolean' },
  ]
  return xml('query', { xmlns: ns.mam }, formElement(ns.mam, fields))
}
