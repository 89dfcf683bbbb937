import { chmod, mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Infrastructure, InfrastructureOptions } from './infrastructure.ts'
import { startKafka } from './kafka-server.ts'
import { freePorts } from './ports.ts'
import { startPostgres } from './postgres-server.ts'
import { startRedis } from './redis-server.ts'
import type { Server } from './server-process.ts'

/** Starts servers as processes of this machine. Errors: rejects with every server's fault; those that started are stopped. */
export async function startLocal(
  options: InfrastructureOptions,
): Promise<Pick<Infrastructure, 'kafka' | 'redis' | 'postgres' | 'stop'>> {
  const directory = resolve(options.directory)
  await mkdir(directory, { recursive: true })
  // PostgreSQL runs as another user when we are root, and must reach its folder below this one.
  await chmod(directory, 0o711)
  const detached = options.detached ?? false
  const brokers = options.kafka?.brokers ?? 0
  const [redisPort = 0, postgresPort = 0, ...kafkaPorts] = await freePorts(2 + 2 * brokers, options.portBase)
  const { persistent, settings = [] } = typeof options.redis === 'object' ? options.redis : { persistent: false }
  const tls = typeof options.postgres === 'object' ? options.postgres.tls : undefined
  const started: Server[] = []
  // All at once: brokers stopped one by one lose their quorum, and the last one hangs.
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()))
  }
  const keep = async (start: Promise<Server>): Promise<Server> => {
    const server = await start
    started.push(server)
    return server
  }

  const starts = await Promise.allSettled([
    options.redis
      ? keep(
          startRedis({
            name: 'redis',
            directory: join(directory, 'redis'),
            port: redisPort,
            persistent,
            settings,
            detached,
          }),
        )
      : undefined,
    options.postgres
      ? keep(
          startPostgres({
            name: 'postgres',
            directory: join(directory, 'postgres'),
            port: postgresPort,
            tls,
            detached,
          }),
        )
      : undefined,
    options.kafka === undefined
      ? []
      : startKafka({
          directory,
          brokers: options.kafka.brokers,
          ports: kafkaPorts,
          heapMb: options.kafka.heapMb ?? 384,
          settings: options.kafka.settings ?? {},
          users: options.kafka.users ?? {},
          detached,
          keep,
        }),
  ] as const)
  const failures = starts.flatMap((start) => (start.status === 'rejected' ? [start.reason] : []))
  const [redis, postgres, kafka] = starts
  if (redis.status === 'rejected' || postgres.status === 'rejected' || kafka.status === 'rejected') {
    await stop()
    throw new AggregateError(failures, failures.map(String).join('\n'))
  }
  return { redis: redis.value, postgres: postgres.value, kafka: kafka.value, stop }
}
