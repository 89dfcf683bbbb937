import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { benchUsers, createAccounts } from './accounts.ts'
import { type EmbeddedProcess, startEmbeddedProcess } from './embedded-process.ts'
import { type Load, type LoadResult, startLoad } from './load.ts'
import type { Figure } from './measure-load.ts'
import { cpuSeconds, settle } from './process-cost.ts'

const modes = ['memory', 'process', 'power'] as const
const rounds = 6
const warmUpMs = 3_000
const turnMs = 3_000
const slowPerSecond = 200
const inFlight = 16

/** A server with its load, and what its turns have cost. */
interface Side {
  readonly mode: (typeof modes)[number]
  readonly server: EmbeddedProcess
  readonly load: Load
  readonly dataDir: string
  readonly full: Costs
  readonly slow: Costs
}

/** Figures of turns, one each. */
interface Costs {
  /** Units: CPU seconds for a million messages. */
  readonly cpu: number[]
  readonly rates: number[]
  readonly p50s: number[]
  readonly p99s: number[]
}

/**
 * What it costs that the embedded server's log and sessions survive: archived messages, a server for each
 * `embedded.durability`, by short turns, so that what else the machine does it does to all.
 * Units: CPU seconds of the server's process. Shape: the median of the turns, and each turn's figure beside it.
 */
export async function bench(): Promise<readonly Figure[]> {
  const sides: Side[] = []
  try {
    for (const mode of modes) sides.push(await startSide(mode))
    for (let round = 0; round < rounds; round++) {
      // Who is first in a round changes.
      for (const index of modes.keys()) {
        const side = sides[(round + index) % sides.length]
        if (side !== undefined) await turn(side)
      }
    }
    const [base] = sides
    return sides.flatMap((side) => [
      ...figuresOf(`${side.mode}, ${slowPerSecond}/s`, side.slow, base?.slow),
      ...figuresOf(`${side.mode}, full load`, side.full, base?.full),
    ])
  } finally {
    for (const { load, server, dataDir } of sides) {
      load.end()
      await server.stop()
      rmSync(dataDir, { recursive: true, force: true })
    }
  }
}

async function startSide(mode: Side['mode']): Promise<Side> {
  const dataDir = mkdtempSync(join(tmpdir(), 'starling-bench-'))
  const server = await startEmbeddedProcess(dataDir, [], { STARLING_EMBEDDED_DURABILITY: mode })
  await createAccounts({ port: server.ports.http, token: server.token })
  const load = await startLoad({ ...benchUsers, ports: [server.ports.c2s] })
  await load.atFull({ durationMs: warmUpMs, payload: '', inFlight })
  return { mode, server, load, dataDir, full: noCosts(), slow: noCosts() }
}

function noCosts(): Costs {
  return { cpu: [], rates: [], p50s: [], p99s: [] }
}

async function turn({ server, load, full, slow }: Side): Promise<void> {
  const run = { durationMs: turnMs, payload: '' }
  await measured(server, slow, () => load.atRate({ ...run, perSecond: slowPerSecond }))
  await measured(server, full, () => load.atFull({ ...run, inFlight }))
}

async function measured({ pid }: EmbeddedProcess, costs: Costs, run: () => Promise<LoadResult>): Promise<void> {
  await settle([pid])
  const before = cpuSeconds([pid])
  const { sent, lost, duplicated, reordered, ...result } = await run()
  // What storage still has to write is part of the price.
  await settle([pid])
  if (lost + duplicated + reordered > 0)
    throw new Error(`lost ${lost}, duplicated ${duplicated}, reordered ${reordered}`)
  costs.cpu.push(((cpuSeconds([pid]) - before) / sent) * 1e6)
  costs.rates.push(result.perSecond)
  costs.p50s.push(result.p50Ms)
  costs.p99s.push(result.p99Ms)
}

/** Medians; against the base, the median of each round's own ratio. */
function figuresOf(name: string, { cpu, rates, p50s, p99s }: Costs, base: Costs | undefined): readonly Figure[] {
  const ratios = cpu.map((value, round) => value / (base?.cpu[round] ?? Number.NaN))
  return [
    { name: `${name}: CPU`, value: middle(cpu), unit: `s/1M messages (${listed(cpu)})` },
    { name: `${name}: CPU against ${modes[0]}`, value: middle(ratios), unit: 'times' },
    { name: `${name}: rate`, value: middle(rates), unit: `messages/s (${listed(rates)})` },
    { name: `${name}: latency p50`, value: middle(p50s), unit: `ms (${listed(p50s)})` },
    { name: `${name}: latency p99`, value: middle(p99s), unit: `ms (${listed(p99s)})` },
  ]
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function listed(values: readonly number[]): string {
  return values.map((value) => Math.round(value)).join(', ')
}
