import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { benchUsers, createAccounts } from './accounts.ts'
import { startEmbeddedProcess } from './embedded-process.ts'
import { startLoad } from './load.ts'
import { type Figure, measureLoad } from './measure-load.ts'

const modes = ['memory', 'process', 'power'] as const
const rounds = 3
const warmUpMs = 4_000

/**
 * What it costs that the embedded server's log and sessions survive: archived messages with each `embedded.durability` in turn.
 * Units: CPU seconds of the server's process. Shape: the median of the rounds, and each round's figure beside it.
 */
export async function bench(): Promise<readonly Figure[]> {
  const all = new Map<string, { readonly unit: string; readonly values: number[] }>()
  for (let round = 0; round < rounds; round++) {
    // Who is first in a round changes: other work on the machine drifts.
    for (let turn = 0; turn < modes.length; turn++) {
      const mode = modes[(round + turn) % modes.length] ?? 'memory'
      for (const { name, value, unit } of await measured(mode)) {
        const found = all.get(name) ?? { unit, values: [] }
        found.values.push(value)
        all.set(name, found)
      }
    }
  }
  return [...all].map(([name, { unit, values }]) => {
    const middle = [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
    return { name, value: middle, unit: `${unit} (${values.map((value) => Math.round(value)).join(', ')})` }
  })
}

async function measured(mode: (typeof modes)[number]): Promise<readonly Figure[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'starling-bench-'))
  const server = await startEmbeddedProcess(dataDir, [], { STARLING_EMBEDDED_DURABILITY: mode })
  try {
    await createAccounts({ port: server.ports.http, token: server.token })
    const load = await startLoad({ ...benchUsers, ports: [server.ports.c2s] })
    await load.atFull({ durationMs: warmUpMs, payload: '', inFlight: 8 })
    const figures = await measureLoad({ name: mode, load, groups: { server: [server.pid] }, payload: '' })
    load.end()
    return figures
  } finally {
    await server.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
