import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { benchUsers, createAccounts } from './accounts.ts'
import { type EmbeddedProcess, startEmbeddedProcess } from './embedded-process.ts'
import { type Load, startLoad } from './load.ts'
import { type Figure, measureLoad } from './measure-load.ts'
import { cpuSeconds, residentMegabytes, settle } from './process-cost.ts'

const warmUpMs = 4_000

/** The whole embedded pipeline: 50 users in pairs, 80-byte bodies, plain TCP. Units: CPU seconds of the server's process. */
export async function bench(): Promise<readonly Figure[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'starling-bench-'))
  try {
    const first = await startEmbeddedProcess(dataDir)
    const figures = await measured(first)
    const second = await startEmbeddedProcess(dataDir)
    const startCpu = cpuSeconds([second.pid]) * 1000
    await second.stop()
    return [
      ...figures,
      { name: 'second start', value: second.startMs, unit: 'ms' },
      { name: 'second start: CPU', value: startCpu, unit: 'ms' },
    ]
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function measured(server: EmbeddedProcess): Promise<readonly Figure[]> {
  const figures: Figure[] = [{ name: 'first start', value: server.startMs, unit: 'ms' }]
  try {
    await settle([server.pid])
    figures.push({ name: 'RSS with nobody on', value: residentMegabytes(server.pid), unit: 'MB' })
    await createAccounts({ port: server.ports.http, token: server.token })
    const load = await startLoad({ ...benchUsers, ports: [server.ports.c2s] })
    figures.push(...(await runs(load, server.pid)))
    load.end()
    figures.push({ name: 'RSS after it all', value: residentMegabytes(server.pid), unit: 'MB' })
  } finally {
    await server.stop()
  }
  return figures
}

async function runs(load: Load, pid: number): Promise<readonly Figure[]> {
  await load.atFull({ durationMs: warmUpMs, payload: '', inFlight: 8 })
  const figures: Figure[] = []
  for (const [name, payload] of [
    ['archived', ''],
    ['no-store', "<no-store xmlns='urn:xmpp:hints'/>"],
  ] as const) {
    figures.push(...(await measureLoad({ name, load, groups: { server: [pid] }, payload })))
  }
  return figures
}
