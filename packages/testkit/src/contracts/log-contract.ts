import { after, before, describe } from 'node:test'
import { groupContract } from './log-group.ts'
import type { LogHarness } from './log-harness.ts'
import { produceContract } from './log-produce.ts'
import { readContract } from './log-read.ts'

/** Runs what every log must keep, against one kind of log. */
export function logContract(name: string, start: () => Promise<LogHarness>): void {
  describe(`the log port: ${name}`, { timeout: 300_000 }, () => {
    let harness: LogHarness | undefined
    const started = (): LogHarness => {
      if (harness === undefined) throw new Error(`${name} did not start`)
      return harness
    }
    before(async () => {
      harness = await start()
    })
    after(async () => {
      await harness?.close()
    })
    produceContract(started)
    readContract(started)
    groupContract(started)
  })
}
