import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Growth, growthOf, picker } from '@starling/testkit'
import { portions } from '../queries/named-queries.ts'
import { type FilledDatabase, type FilledServer, filledServer } from '../testing/filled-postgres.ts'
import { type GrowthQuery, growthQueries } from '../testing/growth-queries.ts'
import { statement } from './statement.ts'

const sizes = { small: 10_000, large: 1_000_000 }
const statementsPerTurn = 10
const batchSizes = [1, 20]
const plansLookedAt = 40

/**
 * What PostgreSQL does for a sign-in and a message with 10,000 and with 1,000,000 accounts: processor of the connection's process,
 * and pages it looks at. Errors: rejects when a plan walks a whole table.
 */
export async function bench(): Promise<readonly Growth[]> {
  const directory = await mkdtemp(join(tmpdir(), 'starling-bench-'))
  try {
    const server = await filledServer(directory, sizes)
    try {
      const figures: Growth[] = []
      for (const query of growthQueries()) {
        for (const size of batchSizes) figures.push(await costGrowth(query, server, size))
      }
      for (const query of growthQueries()) figures.push(await pagesGrowth(query, server))
      return figures
    } finally {
      await server.stop()
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** `size`: accounts a statement. */
function costGrowth(query: GrowthQuery, { small, large }: FilledServer, size: number): Promise<Growth> {
  const side = (database: FilledDatabase): (() => Promise<number>) => {
    const pick = picker()
    const { pool, pid } = database
    const prepared = () =>
      portions(
        query.name,
        Array.from({ length: size }, () => query.args(database, pick)),
      ).map((portion) => statement(query.name, portion))
    return async () => {
      const statements = Array.from({ length: statementsPerTurn }, prepared).flat()
      const from = cpuNs(pid)
      for (const { name, text, values } of statements) await pool.query({ name, text, values })
      return (cpuNs(pid) - from) / 1000 / (statementsPerTurn * size)
    }
  }
  const name = `${query.label} (${query.name}, ${size} a statement)`
  return growthOf({ name, unit: 'µs', small: side(small), large: side(large) })
}

function pagesGrowth(query: GrowthQuery, { small, large }: FilledServer): Promise<Growth> {
  const side = (database: FilledDatabase) => {
    const pick = picker(7)
    return async (): Promise<number> => pagesOf(query, database, pick)
  }
  return growthOf({ name: `${query.label}: pages`, unit: 'pages', small: side(small), large: side(large) }, 1)
}

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly Plans?: readonly PlanNode[]
}
interface Explained {
  readonly Plan: PlanNode & { readonly 'Shared Hit Blocks': number; readonly 'Shared Read Blocks': number }
}

/** How many pages of tables and indexes a statement for one account looks at, on average. Source: EXPLAIN (ANALYZE, BUFFERS). */
async function pagesOf(query: GrowthQuery, database: FilledDatabase, pick: (below: number) => number): Promise<number> {
  let pages = 0
  for (let plan = 0; plan < plansLookedAt; plan++) {
    const [portion] = portions(query.name, [query.args(database, pick)])
    if (portion === undefined) throw new Error('no portion')
    const { text, values } = statement(query.name, portion)
    const { rows } = await database.pool.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
      values,
    )
    const [explained] = JSON.parse(String(rows[0]?.['QUERY PLAN'])) as readonly Explained[]
    if (explained === undefined) throw new Error('no plan')
    const whole = wholeTables(explained.Plan)
    if (whole.length > 0) throw new Error(`${query.name} walks all of ${whole.join(', ')}`)
    pages += explained.Plan['Shared Hit Blocks'] + explained.Plan['Shared Read Blocks']
  }
  return pages / plansLookedAt
}

/** Tables that a plan reads from end to end. */
function wholeTables({ 'Node Type': type, 'Relation Name': relation, Plans: plans = [] }: PlanNode): readonly string[] {
  const own = type === 'Seq Scan' && relation !== undefined ? [relation] : []
  return [...own, ...plans.flatMap(wholeTables)]
}

/** Processor that a process has used. Units: ns. Source: /proc/PID/schedstat. */
function cpuNs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0])
}
