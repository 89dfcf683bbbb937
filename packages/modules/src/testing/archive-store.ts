import type { ArchivePage, ArchiveQuery, ArchiveRow } from '@starling/core'
import { bareOf } from '@starling/jid'
import { archiveId } from '@starling/wire'
import { juliet, romeo, testNowMs } from './contexts.ts'
import type { Answers } from './drive.ts'
import { stanzaOfText } from './markup.ts'

/** Message number `n` of the test archive, a minute after the one before it. */
export function rowOf(n: number, from = `${romeo}/orchard`): ArchiveRow {
  const stanza = stanzaOfText(`<message from='${from}' to='${juliet}' type='chat'><body>number ${n}</body></message>`)
  const peer = stanza.from === '' ? romeo : bareOf(stanza.from)
  return { owner: juliet, id: idOf(n), atMs: testNowMs + n * 60_000, peer, raw: stanza.raw }
}

/** The archive id of message number `n`. */
export function idOf(n: number): string {
  return archiveId({ offset: n, index: 0 })
}

/** A storage that answers archive queries as core/storage.ts asks for. */
export function archiveOf(rows: readonly ArchiveRow[]): Answers {
  return {
    'archive.page': (query) => pageOf(rows, query),
    'archive.bounds': () => {
      const [first] = rows
      const last = rows.at(-1)
      return first === undefined || last === undefined ? {} : { first, last }
    },
  }
}

function pageOf(rows: readonly ArchiveRow[], query: ArchiveQuery): ArchivePage {
  const known = new Set(rows.map((row) => row.id))
  const named = [query.afterId, query.beforeId, ...(query.ids ?? [])].filter((id) => id !== undefined)
  const unknownId = named.find((id) => !known.has(id))
  if (unknownId !== undefined) return { rows: [], isComplete: true, unknownId }
  const matching = rows.filter(
    (row) =>
      row.id > (query.afterId ?? '') &&
      row.id < (query.beforeId ?? '~') &&
      row.atMs >= (query.startMs ?? row.atMs) &&
      row.atMs <= (query.endMs ?? row.atMs) &&
      row.peer === (query.with ?? row.peer) &&
      (query.ids?.includes(row.id) ?? true),
  )
  const isComplete = matching.length <= query.limit
  if (isComplete) return { rows: matching, isComplete }
  return {
    rows: query.direction === 'first' ? matching.slice(0, query.limit) : matching.slice(-query.limit),
    isComplete,
  }
}
