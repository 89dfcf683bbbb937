import type { Client } from '../client/client.ts'
import type { Crowd } from '../worker/crowd.ts'
import type { BlockOf, RunningBlock } from './block.ts'

/** Connections vanish without a word, and their clients come back and resume (XEP-0198 §5). */
export function startFlaps(block: BlockOf<'flaps'>, group: readonly Client[], crowd: Crowd): RunningBlock {
  const stop = crowd.follow(block.pace, group.length, () => {
    const client = crowd.anyone(group)
    if (client?.state !== 'up') return crowd.tally.add('skippedAway')
    crowd.goAway(client, 'cut')
    crowd.tally.add('cuts')
    crowd.scheduler.after(block.awayMs, (due) => client.connect(due))
  })
  return { stop }
}
