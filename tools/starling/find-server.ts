import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Settings } from '@starling/core'
import { portOf } from '@starling/runtime'

/** A server found on this machine. */
export interface Found {
  readonly url: string
  readonly token: string
}

/** A server that says it runs, before it is known which is meant. */
export interface Candidate {
  readonly name: string
  readonly http: number
  /** First port for clients, by which two servers are told apart. */
  readonly c2s: number
  readonly tokenFile: string
}

/** Where to look. */
export interface Places {
  readonly settings: Settings
  /** Folder of `npm run cluster`. */
  readonly runDir: string
  readonly isAlive: (pid: number) => boolean
}

/** Finds the running server that is meant. Errors: a sentence. */
export function findServer(
  places: Places,
): { readonly ok: true; readonly value: Found } | { readonly ok: false; readonly error: string } {
  const { settings, runDir } = places
  if (settings.adminUrl !== '') return configured(settings)
  const found = [...embedded(places), ...cluster(places)]
  const expected = portOf(settings.ports.c2s, settings)
  const chosen = found.find(({ c2s }) => c2s === expected) ?? (found.length === 1 ? found[0] : undefined)
  if (chosen === undefined) {
    return {
      ok: false,
      error:
        found.length === 0
          ? `no server runs here: neither one of ${settings.dataDir} (npm start) nor a cluster of ${runDir} (npm run cluster -- up)`
          : `${found.length} servers run here, and neither has the client port ${expected}: ${found
              .map(({ name, c2s }) => `${name} has ${c2s}`)
              .join(', ')}; say which with STARLING_PORT_OFFSET`,
    }
  }
  const token = settings.admin.token === '' ? readText(chosen.tokenFile) : settings.admin.token
  if (token === '') {
    return { ok: false, error: `no admin token: ${chosen.tokenFile} is missing and STARLING_ADMIN_TOKEN is not set` }
  }
  return { ok: true, value: { url: `http://127.0.0.1:${chosen.http}`, token } }
}

/** The server that the settings name, wherever it is. */
function configured(settings: Settings): ReturnType<typeof findServer> {
  const file = join(settings.dataDir, 'admin.token')
  const token = settings.admin.token === '' ? readText(file) : settings.admin.token
  if (token === '')
    return { ok: false, error: `no admin token: STARLING_ADMIN_TOKEN is not set, and there is no ${file}` }
  return { ok: true, value: { url: settings.adminUrl.replace(/\/$/, ''), token } }
}

function embedded({ settings: { dataDir }, isAlive }: Places): readonly Candidate[] {
  const running = readJson(join(dataDir, 'running.json')) as
    | { readonly pid: number; readonly ports: { readonly c2s: number; readonly http: number } }
    | undefined
  if (running === undefined || !isAlive(running.pid)) return []
  const { c2s, http } = running.ports
  return [{ name: dataDir, http, c2s, tokenFile: join(dataDir, 'admin.token') }]
}

function cluster({ runDir, isAlive }: Places): readonly Candidate[] {
  const state = readJson(join(runDir, 'cluster.json')) as
    | {
        readonly pods: readonly {
          readonly service: string
          readonly pid: number
          readonly ports: Readonly<Record<string, number>>
        }[]
      }
    | undefined
  const gateway = state?.pods.find(({ service, pid }) => service === 'gateway' && isAlive(pid))
  const http = gateway?.ports['http']
  if (state === undefined || http === undefined) return []
  const c2s = state.pods.find(({ service }) => service === 'connection-manager')?.ports['c2s'] ?? 0
  return [{ name: 'the cluster', http, c2s, tokenFile: join(runDir, 'admin.token') }]
}

function readJson(file: string): unknown {
  const text = readText(file)
  if (text === '') return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined // half a file, or somebody else's
  }
}

function readText(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
}
