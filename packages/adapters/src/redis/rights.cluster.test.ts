import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Presence } from '@starling/core'
import { presenceContract, startInfrastructure } from '@starling/testkit'
import { redisPresence } from './presence.ts'

/** What docs/operations.md gives the user of Starling: its own keys, no channels, and no command that is dangerous. */
const rights = ['~starling:*', 'resetchannels', '+@all', '-@admin', '-@dangerous', '+info']
const password = 'the-password'
const ttlMs = 3_000

presenceContract('Redis, as a user with the rights that operators are told to give', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'starling-rights-'))
  const settings = ['--user', 'starling', 'on', `>${password}`, ...rights, '--user', 'default', 'off']
  const server = await startInfrastructure({ directory, redis: { persistent: false, settings } })
  const url = `redis://starling@127.0.0.1:${server.redis?.port}`
  const run = randomUUID()
  const opened: Presence[] = []
  return {
    open: async (space) => {
      const own = { keyPrefix: `starling:${run}:${space}:`, emptyStateTtlMs: ttlMs, rollTtlMs: ttlMs }
      const presence = redisPresence({ url, password, timeoutMs: 20_000, ...own })
      opened.push(presence)
      return presence
    },
    emptyStateTtlMs: ttlMs,
    rollTtlMs: ttlMs,
    leaseMs: 3_000,
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms + 20)),
    runs: 10,
    close: async () => {
      await Promise.all(opened.map((presence) => presence.close()))
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
})
