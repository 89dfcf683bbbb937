import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe } from 'node:test'
import { modules } from '@starling/modules'
import { loadConfig } from '@starling/runtime'
import { chatStories, presenceStories, serviceStories, smStories, type World } from '@starling/testkit'
import { down } from './down.ts'
import { openRunFolder } from './state.ts'
import { up } from './up.ts'

// The certificate of a test is its own: nobody signed it. In production clients check it.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'

/** Away from a developer's own cluster. */
const portOffset = 3_000

describe('on a cluster: Kafka, Redis, PostgreSQL, two pods of each service', { concurrency: 3 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'starling-cluster-'))
  const folder = openRunFolder(directory)
  let world: World

  before(async () => {
    const environment = { STARLING_PORT_OFFSET: String(portOffset), STARLING_SCRAM_ITERATIONS: '4096' }
    const config = loadConfig(environment, modules)
    if (!config.ok) throw new Error(config.error.join('\n'))
    const counts = { 'connection-manager': 2, session: 2, routing: 2, storage: 1, gateway: 1 }
    const command = { do: 'up', counts, brokers: 1, isFresh: true } as const
    const { pods } = await up(command, { settings: config.value, folder, environment, tell: () => {} })
    const api = pods.find(({ spec }) => spec.service === 'gateway')?.spec.ports['http']
    const token = readFileSync(folder.path('admin.token'), 'utf8').trim()
    world = {
      reaches: pods
        .filter(({ spec }) => spec.service === 'connection-manager')
        .map(({ spec: { ports } }) => ({ domain: 'localhost', c2s: ports['c2s'] ?? 0, http: ports['http'] ?? 0 })),
      createAccount: async (jid, password) => {
        const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
        const body = JSON.stringify({ jid, password })
        const response = await fetch(`http://127.0.0.1:${api}/api/accounts`, { method: 'POST', headers, body })
        if (!response.ok) throw new Error(`creating ${jid}: ${response.status} ${await response.text()}`)
      },
    }
  })
  after(async () => {
    await down(folder) // also when `up` failed half way
    rmSync(directory, { recursive: true, force: true })
  })

  chatStories(() => world)
  presenceStories(() => world)
  serviceStories(() => world)
  smStories(() => world)
})
