import { chmod, mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { startKafka } from './kafka-server.ts'
import { freePorts } from './ports.ts'
import { startPostgres } from './postgres-server.ts'
import { startRedis } from './redis-server.ts'
import type { Server } from './server-process.ts'

/** Which real servers to start, and where. */
export interface InfrastructureOptions {
  /** Data and logs, a folder a server; what is there from an earlier start is used again. */
  readonly directory: string
  readonly kafka?: {
    readonly brokers: 1 | 3
    readonly heapMb?: number
    /** Further server.properties. */
    readonly settings?: Readonly<Record<string, string>>
  }
  readonly redis?: boolean | { readonly persistent: boolean }
  readonly postgres?: boolean
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
 * Starts real Apache Kafka, Redis and PostgreSQL for tests, on loopback only.
 * Errors: rejects with a sentence (what to install, or the end of the log of the server that failed); the others are stopped.
 */
export async function startInfrastructure(options: InfrastructureOptions): Promise<Infrastructure> {
  const directory = resolve(options.directory)
  await mkdir(directory, { recursive: true })
  await chmod(directory, 0o711)
  const detached = options.detached ?? false
  const brokers = options.kafka?.brokers ?? 0
  const [redisPort = 0, postgresPort = 0, ...kafkaPorts] = await freePorts(2 + 2 * brokers, options.portBase)

  const persistent = typeof options.redis === 'object' && options.redis.persistent
  const starts = await Promise.allSettled([
    options.redis
      ? startRedis({ name: 'redis', directory: join(directory, 'redis'), port: redisPort, persistent, detached })
      : undefined,
    options.postgres
      ? startPostgres({ name: 'postgres', directory: join(directory, 'postgres'), port: postgresPort, detached })
      : undefined,
    options.kafka === undefined
      ? []
      : startKafka({
          directory,
          brokers: options.kafka.brokers,
          ports: kafkaPorts,
          heapMb: options.kafka.heapMb ?? 384,
          settings: options.kafka.settings ?? {},
          detached,
        }),
  ] as const)
  const [redisStart, postgresStart, kafkaStart] = starts
  const redis = redisStart.status === 'fulfilled' ? redisStart.value : undefined
  const postgres = postgresStart.status === 'fulfilled' ? postgresStart.value : undefined
  const kafka = kafkaStart.status === 'fulfilled' ? kafkaStart.value : []
  const servers = [redis, postgres, ...kafka].filter((server) => server !== undefined)
  // All at once: brokers stopped one by one lose their quorum, and the last one hangs.
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()))
  }
  const failures = starts.flatMap((start) => (start.status === 'rejected' ? [start.reason] : []))
  if (failures.length > 0) {
    await stop()
    throw new AggregateError(failures, failures.map(String).join('\n'))
  }
  const urls = {
    kafka: kafka.map(({ url }) => url).join(','),
    redis: redis?.url ?? '',
    postgres: postgres?.url ?? '',
  }
  return { kafka, redis, postgres, servers, urls, stop }
}
