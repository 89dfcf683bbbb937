import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StateSave } from '@starling/core'
import { bareJid } from '@starling/jid'
import { startInfrastructure } from '@starling/testkit'
import { Redis } from 'ioredis'
import { redisPresence } from './presence.ts'

const accounts = 100_000
const batch = 100
/** About what one session's compact value takes. Units: bytes. */
const valueBytes = 60

/** What presence costs in Redis: a session's memory, and calls in batches as stages make them. */
export async function bench(): Promise<readonly { name: string; value: number; unit: string }[]> {
  const directory = await mkdtemp(join(tmpdir(), 'starling-bench-'))
  const infrastructure = await startInfrastructure({ directory, redis: true })
  const presence = redisPresence({ url: infrastructure.urls.redis, timeoutMs: 30_000 })
  const admin = new Redis(infrastructure.urls.redis)
  const usedBytes = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1])
  const names = Array.from({ length: accounts }, (_, i) => bareJid(`user${i}`.padEnd(12, 'x'), 'example.org'))
  const batches = Array.from({ length: accounts / batch }, (_, i) => names.slice(i * batch, (i + 1) * batch))
  const timed = async (work: (part: typeof names) => Promise<unknown>): Promise<number> => {
    const from = performance.now()
    for (const part of batches) await work(part)
    return accounts / ((performance.now() - from) / 1000)
  }
  try {
    const set = new Map([['orchard', new Uint8Array(valueBytes).fill(7)]])
    const save = (mark: number) => (part: typeof names) => {
      const saves = part.map((account): StateSave => ({ account, mark, set, remove: [] }))
      return presence.saveStates('session', saves)
    }
    await presence.takeGeneration('warm')
    const empty = await usedBytes()
    const first = await timed(save(1_000_000))
    const withStates = await usedBytes()
    const again = await timed(save(1_000_001))
    const reads = await timed((part) => presence.readStates('session', part))
    const generations = await timed((part) => Promise.all(part.map((account) => presence.takeGeneration(account))))
    const withGenerations = await usedBytes()
    return [
      {
        name: `state of an account with one resource of ${valueBytes} B`,
        value: (withStates - empty) / accounts,
        unit: 'B',
      },
      { name: 'generation of an account', value: (withGenerations - withStates) / accounts, unit: 'B' },
      { name: `saves, new accounts, ${batch} a call`, value: first, unit: 'accounts/s' },
      { name: `saves, ${batch} a call`, value: again, unit: 'accounts/s' },
      { name: `reads, ${batch} a call`, value: reads, unit: 'accounts/s' },
      { name: `generations, ${batch} at once`, value: generations, unit: 'accounts/s' },
    ]
  } finally {
    admin.disconnect()
    await presence.close()
    await infrastructure.stop()
    await rm(directory, { recursive: true, force: true })
  }
}
