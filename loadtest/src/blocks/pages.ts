import type { Client } from '../client/client.ts'
import type { Found } from '../client/scanner.ts'
import { attribute } from '../client/stream-text.ts'
import type { Crowd } from '../worker/crowd.ts'
import { archiveQuery, readPageEnd } from './archive-query.ts'
import type { BlockOf, RunningBlock } from './block.ts'

/** Where in a message its query's id stands. Units: bytes behind its start tag. */
const maxHeadBytes = 256

interface Reader {
  readonly client: Client
  /** Where a walk goes on; empty at its beginning. */
  last: string
  /** Of the query that is under way; its end keeps it from being the beginning of another. */
  id: string
  isAsking: boolean
  intendedAt: number
}

/** Users who are on fetch pages of their own archives (XEP-0313 §4): the newest, or one after another from the oldest on. */
export function startPages(block: BlockOf<'pages'>, group: readonly Client[], crowd: Crowd): RunningBlock {
  const { now, tally, histograms } = crowd
  const readers = group.map((client): Reader => ({ client, last: '', id: '', isAsking: false, intendedAt: 0 }))
  const byClient = new Map(readers.map((reader) => [reader.client, reader]))
  const isClosed = block.pace.kind === 'inFlight'
  let isStopped = false
  let pages = 0
  const ask = (reader: Reader, intendedAt: number): void => {
    if (reader.client.state !== 'up') return void tally.add(reader.client.isAway ? 'skippedAway' : 'notSent')
    // One page after the other: who still waits for one asks for no other.
    if (reader.isAsking) return void tally.add('pagesBusy')
    reader.isAsking = true
    reader.intendedAt = intendedAt
    reader.id = `${block.order}${block.group}-${++pages}.`
    const place = block.order === 'newest' ? { before: '' } : reader.last === '' ? {} : { after: reader.last }
    reader.client.send(archiveQuery({ id: reader.id, max: block.pageSize, ...place }))
  }
  const watch = (client: Client, { bytes, start, end, tagEnd }: Found): void => {
    const reader = byClient.get(client)
    if (reader?.isAsking !== true) return
    const tag = bytes.toString('latin1', start, tagEnd)
    if (tag.startsWith('<message')) {
      // XEP-0313 §4.2: <result queryid='…'/> comes first.
      const head = bytes.toString('latin1', tagEnd, Math.min(end, tagEnd + maxHeadBytes))
      if (head.includes(reader.id)) tally.add('historyMessages')
      return
    }
    if (!tag.startsWith('<iq') || attribute(tag, 'id') !== reader.id) return
    reader.isAsking = false
    histograms.record('historyPage', now() - reader.intendedAt)
    tally.add('historyPages')
    const page = readPageEnd(bytes.toString('utf8', start, end))
    if (!page.ok) tally.fail(`archive: ${page.error}`)
    // At its end a walk begins again.
    reader.last = !page.ok || page.isComplete ? '' : page.last
    if (isClosed && !isStopped) ask(reader, now())
  }
  crowd.watchers.add(watch)
  const up = (client: Client): void => {
    const reader = byClient.get(client)
    if (reader === undefined) return
    // An answer to a lost connection does not come any more.
    reader.isAsking = false
    if (isClosed && !isStopped) ask(reader, now())
  }
  crowd.onUp.add(up)
  if (block.pace.kind === 'inFlight') {
    for (const reader of readers) ask(reader, now())
    return {
      stop: () => {
        isStopped = true
      },
    }
  }
  const stop = crowd.follow(block.pace, group.length, (intendedAt) => {
    const reader = readers[Math.floor(crowd.random() * readers.length)]
    if (reader !== undefined) ask(reader, intendedAt)
  })
  return { stop }
}
