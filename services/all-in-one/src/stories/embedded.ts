import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectionManager } from '@starling/connection-manager'
import type { Settings } from '@starling/core'
import { gateway } from '@starling/gateway'
import { modules } from '@starling/modules'
import { routing } from '@starling/routing'
import { defaultSettings, type Running, run } from '@starling/runtime'
import { session } from '@starling/session'
import { storage } from '@starling/storage'
import type { Reach } from '@starling/testkit'

/** A whole server in this process. */
export interface Server {
  readonly reach: Reach
  readonly running: Running
  readonly dataDir: string
  readonly createAccount: (jid: string, password: string) => Promise<void>
  readonly stop: () => Promise<void>
  /** Stops and removes the data. */
  readonly end: () => Promise<void>
}

const token = 'a-token-of-the-stories'

/** Starts all stages on the embedded ports, any free ports, and a data directory of its own (or the given one). */
export async function startEmbedded(
  more: Partial<Settings> = {},
  dataDir = mkdtempSync(join(tmpdir(), 'starling-')),
): Promise<Server> {
  const settings: Settings = {
    ...defaultSettings,
    dataDir,
    ports: { c2s: 0, c2sTls: 0, http: 0 },
    listen: { c2s: '127.0.0.1', http: '127.0.0.1' },
    admin: { token, allowRemote: false },
    scram: { iterations: 4_096 },
    logLevel: 'error',
    drainTimeoutMs: 4_000,
    ...more,
  }
  const stages = [storage, routing, session, connectionManager, gateway]
  const running = await run({ stages, modules, settings, pod: 'story' })
  const reach = { domain: settings.domain, c2s: running.ports['c2s'] ?? 0, http: running.ports['http'] ?? 0 }
  return {
    reach,
    running,
    dataDir,
    createAccount: (jid, password) => createAccount(reach.http, token, { jid, password }),
    stop: async () => void (await running.stop()),
    end: async () => {
      await running.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** Creates an account through the admin API. */
export async function createAccount(
  port: number,
  bearer: string,
  account: { readonly jid: string; readonly password: string },
): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/api/accounts`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    body: JSON.stringify(account),
  })
  if (!response.ok) throw new Error(`creating ${account.jid}: ${response.status} ${await response.text()}`)
}
