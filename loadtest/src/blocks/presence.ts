import type { Client } from '../client/client.ts'
import type { Found } from '../client/scanner.ts'
import { attribute } from '../client/stream-text.ts'
import type { Crowd } from '../worker/crowd.ts'
import type { BlockOf, RunningBlock } from './block.ts'
import { contactsOf } from './contacts.ts'

const presenceLetter = 0x70

/** Changes whose intended time is remembered; older ones count, but not in the latency. */
const remembered = 1 << 18

/** Users change their status; each contact that is on should hear of it. */
export function startPresence(block: BlockOf<'presence'>, group: readonly Client[], crowd: Crowd): RunningBlock {
  const intended = new Float64Array(remembered)
  const { contacts } = crowd.plan.scenario
  let next = 0
  const change = (intendedAt: number): void => {
    const place = Math.floor(crowd.random() * group.length)
    const from = group[place]
    if (from?.state !== 'up') {
      crowd.tally.add(from?.isAway === false ? 'notSent' : 'skippedAway')
      return
    }
    const number = next++
    intended[number % remembered] = intendedAt
    from.send(`<presence><status>${crowd.numbers.short(number)}</status></presence>`)
    crowd.tally.add('presenceSent')
    const reachable = contactsOf(group, place, contacts).filter(({ state }) => state === 'up').length
    crowd.tally.add('presenceExpected', reachable)
  }
  const watch = (client: Client, { bytes, start, tagEnd, textAt }: Found): void => {
    if (bytes[start + 1] !== presenceLetter || textAt < 0) return
    const number = crowd.numbers.read(bytes, textAt)
    if (number < 0 || number >= next || attribute(bytes.toString('latin1', start, tagEnd), 'from') === client.jid)
      return
    crowd.tally.add('presenceDelivered')
    const intendedAt = intended[number % remembered] ?? 0
    // After a resumption or sign-in the status is told again: that is no delivery of the change.
    if (next - number <= remembered && intendedAt >= client.backAt)
      crowd.histograms.record('presence', crowd.now() - intendedAt)
  }
  crowd.watchers.add(watch)
  return { stop: crowd.follow(block.pace, group.length, change) }
}
