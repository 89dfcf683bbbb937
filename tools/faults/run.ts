import { type FaultBed, makeFaultBed } from '../cluster/testing/fault-bed.ts'
import type { Fault } from './fault.ts'
import { kindsOf, makeParty } from './party.ts'
import { randomOf } from './random.ts'
import { isSound, lineOf, type Row } from './report.ts'

/** What a run of faults is told. */
export interface FaultRun {
  readonly seed: number
  readonly members: number
  readonly brokers: 1 | 3
  readonly portOffset: number
  /** Source tree that pods run from at first; this one without. */
  readonly tree?: string
  /** Which faults, in which order; asked again until it gives none. */
  readonly next: (random: () => number) => Fault | undefined
  readonly tell: (line: string) => void
}

/** What a run found. */
export interface FaultOutcome {
  readonly rows: readonly Row[]
  /** What is wrong with the archives at the end. */
  readonly archives: readonly string[]
  readonly isSound: boolean
}

const password = 'wherefore art thou'

/** Brings up a cluster and a party that talks in it, and has faults happen to it. Errors: rejects when it cannot be brought up. */
export async function runFaults(options: FaultRun): Promise<FaultOutcome> {
  const { seed, members, brokers, portOffset, tree, tell } = options
  const random = randomOf(seed)
  const bed: FaultBed = await makeFaultBed(portOffset, { brokers, tree })
  const rows: Row[] = []
  // Whatever ends this process ends the cluster: it is nobody else's
  const interrupted = (why: unknown): void => {
    if (why instanceof Error) tell(`✖ ${why.stack ?? why.message}`)
    bed.end().finally(() => process.exit(why instanceof Error ? 1 : 130))
  }
  const ends = ['SIGINT', 'SIGTERM', 'uncaughtException'] as const
  for (const end of ends) process.once(end, interrupted)
  try {
    const kinds = kindsOf(members)
    for (const { name } of kinds) await bed.createAccount(`${name}@localhost`, password)
    const party = await makeParty(kinds, { reaches: bed.reaches, password, random })
    try {
      const calm = await party.settle()
      rows.push({ fault: 'none', seconds: 0, settled: calm, findings: {} })
      for (let one = options.next(random); one !== undefined; one = options.next(random)) {
        const start = performance.now()
        const found = (await one.run({ bed, party, random })) ?? {}
        const settled = await party.settle()
        const seconds = Math.round((performance.now() - start) / 1000)
        const findings = { ...found, broken: [...(found.broken ?? []), ...(found.later?.() ?? [])] }
        const row: Row = { fault: one.name, seconds, settled, findings }
        rows.push(row)
        tell(lineOf(row))
        if (settled.waitedFor !== '') tell(`    ${settled.waitedFor}`)
        for (const example of isSound(row) ? [] : settled.examples) tell(`    ${example}`)
        await bed.well()
      }
      const archives = await party.archives()
      for (const fault of archives.slice(0, 20)) tell(`✖ ${fault}`)
      return { rows, archives, isSound: rows.every(isSound) && archives.length === 0 }
    } finally {
      await party.close()
    }
  } finally {
    for (const end of ends) process.off(end, interrupted)
    await bed.end()
  }
}
