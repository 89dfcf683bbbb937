import type { Client } from '../client/client.ts'
import { NumberedText } from '../client/numbered-text.ts'
import type { Crowd } from '../worker/crowd.ts'
import type { BlockOf, RunningBlock } from './block.ts'

// XEP-0334 §4.2: kept nowhere.
const hint = "<no-store xmlns='urn:xmpp:hints'/><no-permanent-store xmlns='urn:xmpp:hints'/>"

/** Users in pairs write to each other: at a pace, or each with so many messages on the way (a closed loop). */
export function startChat(block: BlockOf<'chat'>, group: readonly Client[], crowd: Crowd): RunningBlock {
  const text = new NumberedText(crowd.plan.tag, block.bodyBytes)
  const more = block.isStored ? '' : hint
  const send = (place: number, intendedAt: number): void => {
    const from = group[place]
    const to = group[place ^ 1]
    if (from === undefined || to === undefined) return
    crowd.sendMessage(from, to, (number) => `<body>${text.body(number)}</body>${more}`, intendedAt)
  }
  if (block.pace.kind === 'inFlight') return closedLoop(block.pace.messages, { group, crowd, send })
  const stop = crowd.follow(block.pace, group.length, (intendedAt) => {
    send(Math.floor(crowd.random() * group.length), intendedAt)
  })
  return { stop }
}

function closedLoop(
  messages: number,
  ports: {
    readonly group: readonly Client[]
    readonly crowd: Crowd
    readonly send: (place: number, intendedAt: number) => void
  },
): RunningBlock {
  const { group, crowd, send } = ports
  const places = new Map(group.map(({ account }, place) => [account.index, place]))
  const again = (sender: number): void => {
    const place = places.get(sender)
    if (place !== undefined) send(place, crowd.now())
  }
  crowd.onArrived.add(again)
  for (let round = 0; round < messages; round++) group.forEach((_, place) => void send(place, crowd.now()))
  return { stop: () => void crowd.onArrived.delete(again) }
}
