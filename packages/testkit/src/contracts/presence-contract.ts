import { after, before, describe } from 'node:test'
import { decisionContract } from './presence-decisions.ts'
import type { PresenceHarness } from './presence-harness.ts'
import { hibernationContract } from './presence-hibernations.ts'
import { leaseContract } from './presence-leases.ts'
import { numberContract } from './presence-numbers.ts'
import { progressContract } from './presence-progress.ts'
import { queueContract } from './presence-queues.ts'
import { rollContract } from './presence-rolls.ts'
import { stateContract } from './presence-states.ts'

/** Runs what every presence must keep, against one kind of presence. */
export function presenceContract(name: string, start: () => Promise<PresenceHarness>): void {
  describe(`the presence port: ${name}`, { timeout: 120_000 }, () => {
    let harness: PresenceHarness | undefined
    const started = (): PresenceHarness => {
      if (harness === undefined) throw new Error(`${name} did not start`)
      return harness
    }
    before(async () => {
      harness = await start()
    })
    after(async () => {
      await harness?.close()
    })
    stateContract(started)
    decisionContract(started)
    leaseContract(started)
    numberContract(started)
    progressContract(started)
    rollContract(started)
    queueContract(started)
    hibernationContract(started)
  })
}
