import type { Client } from '../client/client.ts'
import type { Crowd } from '../worker/crowd.ts'
import type { BlockOf, RunningBlock } from './block.ts'

/** Users sign in at a pace, whether or not those before them are on yet. */
export function startLoginStorm(block: BlockOf<'loginStorm'>, group: readonly Client[], crowd: Crowd): RunningBlock {
  const members = new Set(group)
  let next = 0
  const isLeaving = block.stayMs < Number.MAX_SAFE_INTEGER
  const up = (client: Client): void => {
    if (isLeaving && members.has(client)) crowd.scheduler.after(block.stayMs, () => crowd.goAway(client, 'leave'))
  }
  crowd.onUp.add(up)
  const stop = crowd.follow(block.pace, group.length, (intendedAt) => {
    const client = group[next++ % group.length]
    if (client === undefined) return
    if (client.state !== 'down' || !client.isAway) return crowd.tally.add('stormShort')
    crowd.tally.add('stormArrivals')
    client.connect(intendedAt)
  })
  return { stop }
}
