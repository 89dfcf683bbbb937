import { readFileSync } from 'node:fs'
import { type Started, startPod } from '../pod-process.ts'
import type { PodSpec } from '../state.ts'

/** A pod that starts while something is away. */
export interface LatePod {
  readonly name: string
  readonly started: Started
  /** Answer of its HTTP server; undefined while it does not listen yet. */
  readonly get: (
    path: string,
  ) => Promise<{ readonly status: number; readonly parts?: Readonly<Record<string, boolean>> } | undefined>
  readonly logText: () => string
}

/** Where a late pod finds what it needs: the ports that stand in for the servers'. */
export interface StandIns {
  readonly kafka: number
  readonly redis: number
  readonly postgres: number
}

/** Between the ports of a pod and of the late one of its service. */
const portStep = 500

/** Starts one more pod of a service, which reaches its servers by other ports. */
export function startLate(like: PodSpec, standIns: StandIns): LatePod {
  const name = `late-${like.service}`
  const environment: Record<string, string> = { ...like.environment, STARLING_POD: name }
  for (const variable of Object.keys(environment).filter((one) => /^STARLING_PORTS_/.test(one))) {
    environment[variable] = String(Number(environment[variable]) + portStep)
  }
  environment['STARLING_LOG_BROKERS'] = `127.0.0.1:${standIns.kafka}`
  environment['STARLING_REDIS_URL'] = `redis://127.0.0.1:${standIns.redis}`
  const database = environment['STARLING_DATABASE_URL']
  if (database !== undefined) {
    const url = new URL(database)
    url.port = String(standIns.postgres)
    environment['STARLING_DATABASE_URL'] = url.href
  }
  const ports = Object.fromEntries(Object.entries(like.ports).map(([port, value]) => [port, value + portStep]))
  const spec = { ...like, name, ports, environment, log: like.log.replace(/[^/]+$/, `${name}.log`) }
  const started = startPod(spec)
  return {
    name,
    started,
    get: async (path) => {
      try {
        const response = await fetch(`http://127.0.0.1:${ports['http']}${path}`)
        return { ...((await response.json()) as object), status: response.status }
      } catch {
        return undefined
      }
    },
    logText: () => readFileSync(spec.log, 'utf8'),
  }
}
