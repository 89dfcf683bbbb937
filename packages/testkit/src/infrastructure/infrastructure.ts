import { type ComposeService, composeAnswers, startCompose } from './compose.ts'
import { startLocal } from './local.ts'
import { freePorts } from './ports.ts'
import type { Server } from './server-process.ts'
import { chooseSource } from './source.ts'

/** Which real servers to start, and where. */
export interface InfrastructureOptions {
  /** Data and logs, a folder a server; what is there from an earlier start is used again. */
  readonly directory: string
  readonly kafka?: {
    readonly brokers: 1 | 3
    readonly heapMb?: number
    /** Further server.properties; `{port}` and `{controllerPort}` stand for a broker's own. */
    readonly settings?: Readonly<Record<string, string>>
    /** Users of SCRAM-SHA-512 and their passwords. */
    readonly users?: Readonly<Record<string, string>>
  }
  readonly redis?: boolean | { readonly persistent: boolean; readonly settings?: readonly string[] }
  readonly postgres?: boolean | { readonly tls: { readonly certificateFile: string; readonly keyFile: string } }
  /** First port to use: Redis, PostgreSQL, then two for each broker, skipping those taken; without, any free ones. */
  readonly portBase?: number
  /** The servers outlive this process (the cluster command); else they end with it, however it ends. */
  readonly detached?: boolean
}

/** Running servers. */
export interface Infrastructure {
  readonly kafka: readonly Server[]
  readonly redis: Server | undefined
  readonly postgres: Server | undefined
  /** All of them. */
  readonly servers: readonly Server[]
  /** Comma-separated brokers, Redis and PostgreSQL addresses; empty when not asked for. */
  readonly urls: { readonly kafka: string; readonly redis: string; readonly postgres: string }
  readonly stop: () => Promise<void>
}

/**
 * Starts real Apache Kafka, Redis and PostgreSQL for tests, on loopback only: containers of docker-compose.yml where an engine
 * answers (and one plain broker is enough), else servers of this machine; STARLING_TEST_INFRASTRUCTURE=compose|local forces one.
 * Errors: rejects with a sentence (what to install, or the end of the log of the server that failed); the others are stopped.
 */
export async function startInfrastructure(options: InfrastructureOptions): Promise<Infrastructure> {
  const isPlain =
    options.detached !== true &&
    options.kafka?.brokers !== 3 &&
    options.kafka?.settings === undefined &&
    typeof options.redis !== 'object' &&
    typeof options.postgres !== 'object'
  const asked = process.env['STARLING_TEST_INFRASTRUCTURE']
  const { source, isForced } = await chooseSource({ asked, isPlain, composeAnswers })
  if (source === 'compose') {
    try {
      return await fromCompose(options)
    } catch (error) {
      if (isForced) throw error
      process.stderr.write(`docker compose does not bring the servers up; taking this machine's: ${String(error)}\n`)
    }
  }
  return running(await startLocal(options))
}

async function fromCompose(options: InfrastructureOptions): Promise<Infrastructure> {
  const wanted = [
    ...(options.redis ? (['redis'] as const) : []),
    ...(options.postgres ? (['postgres'] as const) : []),
    ...(options.kafka ? (['kafka'] as const) : []),
  ]
  const ports = await freePorts(wanted.length, options.portBase)
  const portOf = new Map<ComposeService, number>(wanted.map((name, at) => [name, ports[at] ?? 0]))
  const { servers, stop } = await startCompose(portOf)
  const kafka = servers.get('kafka')
  return running({
    kafka: kafka === undefined ? [] : [kafka],
    redis: servers.get('redis'),
    postgres: servers.get('postgres'),
    stop,
  })
}

function running(started: Pick<Infrastructure, 'kafka' | 'redis' | 'postgres' | 'stop'>): Infrastructure {
  const { kafka, redis, postgres } = started
  const servers = [redis, postgres, ...kafka].filter((server) => server !== undefined)
  const urls = {
    kafka: kafka.map(({ url }) => url).join(','),
    redis: redis?.url ?? '',
    postgres: postgres?.url ?? '',
  }
  return { ...started, servers, urls }
}
