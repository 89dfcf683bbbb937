import type { Client } from '../client/client.ts'
import { NumberedText } from '../client/numbered-text.ts'
import type { Found } from '../client/scanner.ts'
import { attribute } from '../client/stream-text.ts'
import type { Crowd } from '../worker/crowd.ts'
import { archiveQuery, readPageEnd } from './archive-query.ts'
import type { BlockOf, RunningBlock } from './block.ts'

/** Time the server gets to store what a reader will come back for. Units: ms. */
const settleMs = 2_000
const bodyBytes = 80
/** Time from a reader's leaving to the first message it misses: it must really be off. Units: ms. */
const awayMs = 300
/** Time a reader who has read its archive waits for offline messages that have not come yet. Units: ms. */
const patienceMs = 5_000

interface Pair {
  readonly writer: Client
  readonly reader: Client
  state: 'filling' | 'ready' | 'reading' | 'leaving'
  /** Where its archive was read up to; empty before the first time. */
  last: string
  intendedAt: number
  askedAt: number
  page: number
  /** Messages of the last filling that have not arrived. */
  missing: number
}

/**
 * Readers come back at a pace and fetch, page by page, what was written to them while they were off
 * (XEP-0313 §4); then they sign out and more is written.
 */
export function startHistory(block: BlockOf<'history'>, group: readonly Client[], crowd: Crowd): RunningBlock {
  const { now, tally, histograms } = crowd
  const text = new NumberedText(crowd.plan.tag, bodyBytes)
  const startedAt = new Date(performance.timeOrigin + performance.now() - 60_000).toISOString()
  const pairs = pairsOf(group)
  const byWriter = new Map(pairs.map((pair) => [pair.writer.account.index, pair]))
  const byReader = new Map(pairs.map((pair) => [pair.reader, pair]))
  let isStopped = false
  let turn = 0
  const fill = (pair: Pair): void => {
    pair.state = 'filling'
    pair.missing = block.messages
    for (let i = 0; i < block.messages; i++) {
      crowd.sendMessage(pair.writer, pair.reader, (number) => `<body>${text.body(number)}</body>`, now())
    }
    crowd.scheduler.after(settleMs, () => {
      if (pair.writer.unacked > 0) crowd.requestAcks()
      pair.state = 'ready'
    })
  }
  const ask = (pair: Pair): void => {
    pair.askedAt = now()
    pair.page++
    const place = pair.last === '' ? { start: startedAt } : { after: pair.last }
    pair.reader.send(archiveQuery({ id: `mam${pair.page}`, max: block.pageSize, ...place }))
  }
  const finish = (pair: Pair): void => {
    if (!isStopped) histograms.record('catchUp', now() - pair.intendedAt)
    if (!isStopped) tally.add('catchUps')
    pair.state = 'leaving'
    if (pair.missing === 0) leave(pair)
    else crowd.scheduler.after(patienceMs, () => leave(pair))
  }
  const leave = (pair: Pair): void => {
    if (pair.state !== 'leaving') return
    crowd.goAway(pair.reader, 'leave')
    pair.state = 'filling'
    crowd.scheduler.after(awayMs, () => {
      if (!isStopped) fill(pair)
    })
  }
  const arrived = (sender: number): void => {
    const pair = byWriter.get(sender)
    if (pair === undefined) return
    pair.missing--
    if (pair.missing === 0) leave(pair)
  }
  const up = (client: Client): void => {
    const pair = byReader.get(client)
    if (pair?.state === 'reading') ask(pair)
  }
  const watch = (client: Client, found: Found): void => {
    const pair = byReader.get(client)
    if (pair?.state !== 'reading') return
    const { bytes, start, end } = found
    const number = crowd.numbers.find(bytes, start, end)
    if (number >= 0) {
      tally.add('historyMessages')
      crowd.ledger.archived(number)
      return
    }
    const tag = bytes.toString('latin1', start, found.tagEnd)
    if (!tag.startsWith('<iq') || attribute(tag, 'id') !== `mam${pair.page}`) return
    const page = readPageEnd(bytes.toString('utf8', start, end))
    histograms.record('historyPage', now() - pair.askedAt)
    tally.add('historyPages')
    if (!page.ok) {
      tally.fail(`archive: ${page.error}`)
      finish(pair)
      return
    }
    if (page.last !== '') pair.last = page.last
    if (page.isComplete || page.last === '') finish(pair)
    else ask(pair)
  }
  crowd.watchers.add(watch)
  crowd.onUp.add(up)
  crowd.onArrived.add(arrived)
  for (const pair of pairs) fill(pair)
  const stop = crowd.follow(block.pace, pairs.length, (intendedAt) => {
    const pair = pairs[turn++ % pairs.length]
    if (pair?.state !== 'ready') return tally.add('historyNotReady')
    pair.state = 'reading'
    pair.intendedAt = intendedAt
    pair.reader.connect(intendedAt)
  })
  return {
    stop: () => {
      stop()
      isStopped = true
      // Those nobody came back for: their readers come once more, so that every message is accounted for.
      for (const pair of pairs) {
        if (pair.reader.state !== 'down' || !pair.reader.isAway) continue
        pair.state = 'reading'
        pair.reader.connect(now())
      }
    },
  }
}

function pairsOf(group: readonly Client[]): readonly Pair[] {
  const pairs: Pair[] = []
  for (let at = 0; at + 1 < group.length; at += 2) {
    const [writer, reader] = [group[at], group[at + 1]]
    if (writer !== undefined && reader !== undefined) {
      pairs.push({ writer, reader, state: 'filling', last: '', intendedAt: 0, askedAt: 0, page: 0, missing: 0 })
    }
  }
  return pairs
}
