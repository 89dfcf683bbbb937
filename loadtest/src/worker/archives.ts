import { archiveCount, archiveQuery } from '../blocks/archive-query.ts'
import type { Client } from '../client/client.ts'
import { NumberedText } from '../client/numbered-text.ts'
import type { Found } from '../client/scanner.ts'
import { attribute } from '../client/stream-text.ts'
import type { Crowd } from './crowd.ts'

const bodyBytes = 80
/** Messages each user has on the way while archives are filled: as fast as the server goes, no faster. */
const inFlight = 8
const patienceMs = 15_000
/** Time an archive has to say how much it holds. Units: ms. */
const countPatienceMs = 3_000
const pollMs = 50

/**
 * Fills the archives of the common group up to the scenario's number, each pair of users by writing to each other: a message
 * stands in the archives of both. What an archive holds already, if the server says it (XEP-0059 §2.6), is left out.
 * Resolves when all has arrived, or nothing moves any more.
 */
export async function fillArchives(crowd: Crowd): Promise<void> {
  const group = crowd.groups[0] ?? []
  const wanted = crowd.plan.scenario.archives
  if (wanted === 0 || group.length === 0) return
  const held = await countArchives(group, crowd)
  const text = new NumberedText(crowd.plan.tag, bodyBytes)
  const places = new Map(group.map(({ account }, place) => [account.index, place]))
  const lacking = group.map((client) => Math.ceil(Math.max(0, wanted - (held.get(client) ?? 0)) / 2))
  let open = 0
  let movedAt = crowd.now()
  const send = (place: number): void => {
    const [from, to] = [group[place], group[place ^ 1]]
    const left = lacking[place] ?? 0
    if (from === undefined || to?.state !== 'up' || from.state !== 'up' || left <= 0) return
    lacking[place] = left - 1
    open++
    crowd.sendMessage(from, to, (number) => `<body>${text.body(number)}</body>`, crowd.now())
    crowd.tally.add('archiveSeeded')
  }
  const arrived = (sender: number): void => {
    const place = places.get(sender)
    if (place === undefined) return
    open--
    movedAt = crowd.now()
    send(place)
  }
  crowd.onArrived.add(arrived)
  for (let round = 0; round < inFlight; round++) group.forEach((_, place) => void send(place))
  while (open > 0 && crowd.now() - movedAt < patienceMs) await sleep(pollMs)
  crowd.onArrived.delete(arrived)
}

/** What each archive holds; those that do not say it are left out. */
async function countArchives(group: readonly Client[], crowd: Crowd): Promise<ReadonlyMap<Client, number>> {
  const held = new Map<Client, number>()
  let answers = 0
  let asked = 0
  const watch = (client: Client, { bytes, start, end, tagEnd }: Found): void => {
    const tag = bytes.toString('latin1', start, tagEnd)
    if (!tag.startsWith('<iq') || attribute(tag, 'id') !== 'archived') return
    answers++
    const count = archiveCount(bytes.toString('utf8', start, end))
    if (count !== undefined) held.set(client, count)
  }
  crowd.watchers.add(watch)
  for (const client of group) {
    if (client.state !== 'up') continue
    asked++
    client.send(archiveQuery({ id: 'archived', max: 0 }))
  }
  const until = crowd.now() + countPatienceMs
  while (answers < asked && crowd.now() < until) await sleep(pollMs)
  crowd.watchers.delete(watch)
  return held
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
