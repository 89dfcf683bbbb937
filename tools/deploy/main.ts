// The deploy steps of a cluster: `node tools/deploy/main.ts topics [REPLICAS [MIN_IN_SYNC]]` and `node tools/deploy/main.ts tables`;
// and one of a restore: `node tools/deploy/main.ts rewind TIME`.
import { modules } from '@starling/modules'
import { loadConfig } from '@starling/runtime'
import { deployTables, deployTopics, rewindStorage } from './deploy.ts'

const usage = `usage: node tools/deploy/main.ts topics [REPLICAS [MIN_IN_SYNC]]   makes the topics in Kafka (1 replica by default)
       node tools/deploy/main.ts tables                            makes or upgrades the tables in PostgreSQL
       node tools/deploy/main.ts rewind TIME                       sets storage's place in Kafka back to a time (ISO 8601), while no storage pod runs`

const noBrokers = 'log.brokers (STARLING_LOG_BROKERS) is missing'

process.exitCode = await main(process.argv.slice(2))

async function main([step, ...rest]: readonly string[]): Promise<number> {
  const config = loadConfig(process.env, modules)
  if (!config.ok) return fail(config.error, 2)
  const settings = config.value
  try {
    switch (step) {
      case 'topics': {
        const [replicas = 1, minInSync = replicas > 2 ? 2 : 1] = rest.map(Number)
        if (settings.log.brokers.length === 0) return fail([noBrokers], 2)
        const made = await deployTopics(settings, { replicas, minInSync })
        console.log(made.length === 0 ? 'all topics are there' : `made ${made.join(', ')}`)
        return 0
      }
      case 'tables':
        if (!settings.databaseUrl.startsWith('postgres')) {
          return fail(['databaseUrl (STARLING_DATABASE_URL) must be postgres://… here'], 2)
        }
        await deployTables(settings.databaseUrl)
        console.log('all tables are there')
        return 0
      case 'rewind': {
        const toMs = Date.parse(rest[0] ?? '')
        if (Number.isNaN(toMs)) return fail([usage], 2)
        if (settings.log.brokers.length === 0) return fail([noBrokers], 2)
        const places = await rewindStorage(settings, toMs)
        for (const { topic, partition, offset } of places) console.log(`${topic} ${partition}: from ${offset}`)
        return 0
      }
      default:
        return fail([usage], 2)
    }
  } catch (error) {
    const { message, cause } = error as Error
    return fail([cause instanceof Error ? `${message}: ${cause.message}` : message], 1)
  }
}

function fail(lines: readonly string[], code: number): number {
  for (const line of lines) console.error(line)
  return code
}
