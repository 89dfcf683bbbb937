import type { QueryArgs, QueryName, QueryResult } from '@starling/core'
import type { ColumnType, Row, Scalar } from './scalar.ts'

/** The columns of a batch, in order: the arguments of a query, flattened. */
export type Columns = Readonly<Record<string, ColumnType>>

/**
 * One way to put a query, in both dialects.
 * Shape: `postgres` is one statement for the whole batch; it reads the relation `q` (the columns, and `n`, the place of the
 * argument, from 1) and selects `q.n` last. Relations of the batch are held against each other by `IN (SELECT …)` under an OR,
a CASE or a HAVING, which hashes: a join of them would compare all with all, as the adapter plans nested loops only. For the
same reason a table is looked into by a join or a scalar subquery, never by EXISTS, which may be planned to read it whole. `sqlite` are the statements for one argument, run in the batch's transaction,
 * with `:column` for its values; their rows are joined.
 */
export interface Dialects {
  readonly postgres: string
  readonly sqlite: readonly string[]
}

/** A named query as it is written down: what the port promises, in SQL. */
export interface NamedQuery<N extends QueryName> {
  readonly isWrite: boolean
  /** May touch very many rows: no statement timeout. */
  readonly isSlow?: boolean
  /** Units: arguments a statement, at most; a longer batch becomes several. */
  readonly maxArgs: number
  readonly columns: Columns
  /** The argument as values of `columns`. */
  readonly encode: (args: QueryArgs<N>) => readonly Scalar[]
  /** Most queries have one; where the filter decides which index serves, one a filter. */
  readonly variants: readonly Dialects[]
  readonly variantOf: (args: QueryArgs<N>) => number
  /** The result of one argument, from its rows in the order the statement gave them. */
  readonly decode: (rows: readonly Row[], args: QueryArgs<N>) => QueryResult<N>
}

/** Every named query. */
export type NamedQueries = { readonly [N in QueryName]: NamedQuery<N> }

/** A query that has one way to be put. */
export type PlainQuery<N extends QueryName> = Omit<NamedQuery<N>, 'variants' | 'variantOf' | 'maxArgs'> & {
  readonly maxArgs?: number
  readonly sql: Dialects
}

/** Units: arguments a statement, where a query says nothing else. */
export const DEFAULT_MAX_ARGS = 1000

/** Writes down a query that has one way to be put. */
export function plain<N extends QueryName>(query: PlainQuery<N>): NamedQuery<N> {
  const { sql, maxArgs = DEFAULT_MAX_ARGS, ...rest } = query
  return { ...rest, maxArgs, variants: [sql], variantOf: () => 0 }
}

/**
 * The relation `q` of a PostgreSQL statement, as a `WITH` clause without the word.
 * Shape: one array parameter a column; a column of bytes takes two arrays (start and length) and one parameter with all
 * bytes end to end, which travels in binary where an array of bytea would travel as hexadecimal text.
 */
export function batchRelation(columns: Columns): string {
  const arrays: string[] = []
  const names: string[] = []
  const selected: string[] = []
  let parameter = 0
  for (const [name, type] of Object.entries(columns)) {
    if (type === 'bytes') {
      arrays.push(`$${parameter + 1}::int[]`, `$${parameter + 2}::int[]`)
      names.push(`${name}_start`, `${name}_length`)
      selected.push(`substring($${parameter + 3}::bytea FROM i.${name}_start FOR i.${name}_length) AS ${name}`)
      parameter += 3
    } else {
      arrays.push(`$${parameter + 1}::${type === 'json' ? 'text' : type}[]`)
      names.push(name)
      selected.push(type === 'json' ? `i.${name}::jsonb AS ${name}` : `i.${name}`)
      parameter += 1
    }
  }
  const from = `unnest(${arrays.join(', ')}) WITH ORDINALITY AS i(${[...names, 'n'].join(', ')})`
  return `q AS (SELECT i.n, ${selected.join(', ')} FROM ${from})`
}

/** A SQLite statement with its values numbered: `:column` becomes `?k`, k the column's place. */
export function numbered(columns: Columns, sql: string): string {
  const places = new Map(Object.keys(columns).map((name, index) => [name, index + 1]))
  return sql.replace(/:([a-z_]+)/g, (whole, name: string) => {
    const place = places.get(name)
    if (place === undefined) throw new Error(`${whole} names no column of the query`)
    return `?${place}`
  })
}
